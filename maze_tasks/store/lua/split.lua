-- Divide a hole into parts, once: they are added to the run, the first one goes, the hole waits for all of them.
-- KEYS: 1 meta   2 hole   3 ids   4 due   5 events   6..5+n queued set of each sample of the first candidate
--       then hole, text, parents and children of each part in turn
-- ARGV: 1 hole id   2 bound of a part's prompt tokens beyond the hole's   then of each part: id, text, tokens to ask for
-- Returns {'ok', send number, plan number} | {'taken'}: an id is another hole's, nothing was changed |
--         {'stale'}: the hole is not to be divided (any more), or the run is not going on.
redis.call('ZREM', KEYS[4], ARGV[1] .. '|split')
local state = redis.call('HGET', KEYS[1], 'state')
local h = redis.call('HMGET', KEYS[2], 'st', 'sp', 'n', 'pl', 'tp')
if not h[1] or is_terminal(h[1]) or not h[2] then return {'stale'} end
if state ~= 'running' and state ~= 'paused' then return {'stale'} end
local samples = tonumber(h[3])
local parts = (#ARGV - 2) / 3
for i = 0, parts - 1 do
  if redis.call('EXISTS', KEYS[6 + samples + 4 * i]) == 1 then
    redis.call('ZADD', KEYS[4], now_ms() + 5000, ARGV[1] .. '|split')
    return {'taken'}
  end
end
local now, sn = now_ms(), redis.call('HINCRBY', KEYS[1], 'sn', 1)
local ids = {}
for i = 0, parts - 1 do
  local key, id = 6 + samples + 4 * i, ARGV[3 + 3 * i]
  ids[#ids + 1] = id
  redis.call('HSET', KEYS[key], 'st', 'pending', 'rd', 0, 'ca', 0, 'pl', h[4], 'n', samples,
    'tp', string.format('%.0f', tonumber(h[5]) + tonumber(ARGV[2])), 'tm', ARGV[5 + 3 * i], 'pa', ARGV[1])
  redis.call('SET', KEYS[key + 1], ARGV[4 + 3 * i])
  redis.call('RPUSH', KEYS[3], id)
  redis.call('SADD', KEYS[key + 3], ARGV[1])
  if i == 0 then
    for k = 0, samples - 1 do
      redis.call('HSET', KEYS[key], k .. '.s', sn)
      redis.call('ZADD', KEYS[6 + k], now, id .. '|' .. k)
    end
  else
    redis.call('HSET', KEYS[key], 'hd', 1)
    redis.call('SADD', KEYS[key + 2], ids[i])
    redis.call('SADD', KEYS[key - 1], id)
  end
end
redis.call('HDEL', KEYS[2], 'sp')
redis.call('HSET', KEYS[2], 'kids', table.concat(ids, ' '))
redis.call('HINCRBY', KEYS[1], 'holes', parts)
redis.call('HINCRBY', KEYS[1], 'parts', parts)
redis.call('HINCRBY', KEYS[1], 'n:pending', parts)
redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 't', 'split', 'h', ARGV[1])
return {'ok', sn, tonumber(h[4])}
