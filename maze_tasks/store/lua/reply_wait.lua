-- Put somebody on the list of those who are named when a claimed request has been decided.
-- KEYS: 1 reply   2 claim   3 waiting
-- ARGV: 1 who waits   2 how long the list is kept (ms)   3 how many it holds
-- Returns 1, or 0 where it has been decided already. One who finds the list full is not named, and comes by itself.
local holder = redis.call('GET', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 1 or not holder or holder == '' then return 0 end
if redis.call('LLEN', KEYS[3]) < tonumber(ARGV[3]) then redis.call('RPUSH', KEYS[3], ARGV[1]) end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1
