-- Look for a kept reply to a request; where there is none, claim the request, so that it is paid for once.
-- KEYS: 1 reply   2 claim
-- ARGV: 1 who asks   2 how long a claim lasts (ms)
-- Returns {'hit', reply} | {'claimed'} | {'free'}: somebody was asked and gave nothing to keep, go on without a claim |
--         {'busy', how long the claim lasts (ms)}
local reply, holder = unpack(redis.call('MGET', KEYS[1], KEYS[2]))
if reply then return {'hit', reply} end
if holder == '' then return {'free'} end
if holder and holder ~= ARGV[1] then return {'busy', math.max(redis.call('PTTL', KEYS[2]), 0)} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'claimed'}
