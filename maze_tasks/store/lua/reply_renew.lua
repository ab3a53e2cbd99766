-- Lengthen a claim that its holder still has.
-- KEYS: 1 claim
-- ARGV: 1 holder   2 how long it lasts from now (ms)
-- Returns 1, or 0 where it is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
