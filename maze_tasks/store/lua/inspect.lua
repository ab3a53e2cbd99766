-- Grant a lease on the verification of one sample: its call has been paid for, only its fill is still to be judged.
-- KEYS: 1 meta   2 hole   3 text   4 attempts   5 leases   6 queued set of the verifiers   7 that of their suspects
-- ARGV: 1 hole id   2 round   3 candidate   4 sample   5 send number   6 attempt id   7 lease (ms)   8 our format version
-- Returns {'go', text, plan number, index of the attempt, its record, times the lease ran out among the suspects,
--          times nobody could judge, milliseconds since the first of these, or since a command last judged anything of
--          the run} or {verdict} as begin does.
local meta = redis.call('HMGET', KEYS[1], 'state', 'version')
if not meta[1] then return {'gone'} end
if tonumber(meta[2]) > tonumber(ARGV[8]) then return {'newer'} end
local k = ARGV[4]
local h = redis.call('HMGET', KEYS[2], 'st', 'rd', 'ca', k .. '.l', k .. '.x', k .. '.s', k .. '.v', 'pl')
if not h[1] then return {'gone'} end
if is_terminal(h[1]) then return {'done', h[1]} end
if meta[1] ~= 'running' then return {'stopped', meta[1]} end
if h[2] ~= ARGV[2] or h[3] ~= ARGV[3] or not h[7] then return {'behind', 0} end
if tonumber(ARGV[5]) < (tonumber(h[6]) or 0) then return {'stale'} end
local now = now_ms()
if h[4] and h[4] ~= ARGV[6] and tonumber(h[5]) > now then return {'leased'} end
local expires = now + tonumber(ARGV[7])
local member = ARGV[1] .. '|' .. k
if h[4] and h[4] ~= ARGV[6] and redis.call('ZREM', KEYS[5], member) == 1 then count_expiry(KEYS[2], k) end
redis.call('HSET', KEYS[2], k .. '.l', ARGV[6], k .. '.x', expires)
redis.call('ZADD', KEYS[5], expires, member)
redis.call('ZREM', KEYS[6], member)
redis.call('ZREM', KEYS[7], member)
move(KEYS[1], KEYS[2], h[1], 'in_progress')
-- While others of the run are judged there is somebody who can, who may only be busy.
local since = tonumber(redis.call('HGET', KEYS[1], 'judged_ms')) or 0
local past = redis.call('HMGET', KEYS[2], k .. '.q', k .. '.d', k .. '.f')
return {'go', redis.call('GET', KEYS[3]), tonumber(h[8]), tonumber(h[7]), redis.call('LINDEX', KEYS[4], h[7]),
  tonumber(past[1]) or 0, tonumber(past[2]) or 0, past[3] and now - math.max(tonumber(past[3]), since) or 0}
