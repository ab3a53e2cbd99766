-- Grant a lease on one sample of a hole to one attempt, if the message that asks matches the hole's cursor.
-- KEYS: 1 meta   2 hole   3 text   4 attempts   5 accounts   6 leases   7 queued set of the model   8 that of its suspects
-- ARGV: 1 hole id   2 round   3 candidate   4 sample   5 send number   6 attempt id   7 lease (ms)   8 model
--       9 our format version   10 record of a lost attempt behind what the script puts in front (JSON)   11, 12 nano-USD of a prompt token, of a generated token
--       13 numbers of the plans that have the model at this candidate, as ,0,2,   14 name of the worker (JSON)
--       15 nano-USD that the call may cost, '' where nobody knows yet: then by the bound of its tokens
-- Returns {'go', text, plan number, repeated, retries, suspect, ms until the run's deadline (-1: none), 1: it has a budget,
--         records of the last attempts where there are any} or
--         {'gone'} | {'newer'} | {'stopped', state} | {'done', status} | {'closed'} | {'stale'} | {'leased'} | {'unfit'} |
--         {'spent'}: the deadline has passed |
--         {'ahead'} | {'behind', on}   on: 1 if the hole stands open at the next candidate, sent by this very chain.
local meta = redis.call('HMGET', KEYS[1], 'state', 'version', 'budget', 'deadline', 'n:pending', 'n:in_progress')
if not meta[1] then return {'gone'} end
if tonumber(meta[2]) > tonumber(ARGV[9]) then return {'newer'} end
local k = ARGV[4]
local h = redis.call('HMGET', KEYS[2], 'st', 'rd', 'ca', 'n', k .. '.m',
  k .. '.l', k .. '.x', k .. '.s', k .. '.t', k .. '.r', k .. '.c', 'pl', k .. '.v', 'tp', 'tm')
if not h[1] then return {'gone'} end
if is_terminal(h[1]) then return {'done', h[1]} end
if meta[1] ~= 'running' then return {'stopped', meta[1]} end

local round, candidate, send_no = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local at_round, at_candidate, sent = tonumber(h[2]), tonumber(h[3]), tonumber(h[8]) or 0
if round ~= at_round or candidate ~= at_candidate then
  if round > at_round or (round == at_round and candidate > at_candidate) then return {'ahead'} end
  local on = 0
  if round == at_round and candidate + 1 == at_candidate and send_no == sent and not h[6] and not h[9] then on = 1 end
  return {'behind', on}
end
if not string.find(ARGV[13], ',' .. h[12] .. ',', 1, true) then return {'unfit'} end
if h[11] or h[13] then return {'closed'} end
if send_no < sent then return {'stale'} end

local now = now_ms()
local expires = now + tonumber(ARGV[7])
if meta[4] and now >= tonumber(meta[4]) then return {'spent'} end
local lease = h[6]
local repeated = h[10] and 1 or 0
local member = ARGV[1] .. '|' .. k
if lease and lease ~= ARGV[6] then
  if tonumber(h[7]) > now then return {'leased'} end
  -- needs: count_expiry, record_lost
  if redis.call('ZREM', KEYS[6], member) == 1 then count_expiry(KEYS[2], k) end
  -- Taken over from a worker that is gone: its call may have been paid for, so it is put on record as lost.
  record_lost({KEYS[1], KEYS[2], KEYS[4], KEYS[5]}, k, candidate, ARGV[8], ARGV[10])
  redis.call('HDEL', KEYS[2], k .. '.l', k .. '.x', k .. '.w')
  redis.call('HSET', KEYS[2], k .. '.r', 1)
  repeated = 1
end
known['n:pending'], known['n:in_progress'] = meta[5], meta[6]
move(KEYS[1], KEYS[2], h[1], 'in_progress', k .. '.l', ARGV[6], k .. '.x', expires,
  k .. '.p', ARGV[15] ~= '' and ARGV[15] or most_cost({h[14], h[15]}, ARGV[11], ARGV[12]), k .. '.w', ARGV[14])
redis.call('ZADD', KEYS[6], expires, member)
if redis.call('ZREM', KEYS[7], member) == 0 or h[5] then redis.call('ZREM', KEYS[8], member) end
local left = meta[4] and tonumber(meta[4]) - now or -1
-- What was tried before is shown to whoever is asked next; the first candidate of the first round has nothing to see.
local before = {}
if candidate > 0 or round > 0 then before = redis.call('LRANGE', KEYS[4], -3, -1) end
return {'go', redis.call('GET', KEYS[3]), tonumber(h[12]), repeated, tonumber(h[9]) or 0, tonumber(h[5]) or 0, left, meta[3] and 1 or 0, before}
