-- End a run whose deadline has passed: nothing new starts.
-- KEYS: 1 meta   2 events
-- Returns 1 if it was ended here.
local m = redis.call('HMGET', KEYS[1], 'state', 'deadline')
if m[1] ~= 'running' and m[1] ~= 'paused' then return 0 end
if not m[2] or now_ms() < tonumber(m[2]) then return 0 end
redis.call('HSET', KEYS[1], 'state', 'cancelling', 'why', 'deadline')
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 't', 'run', 's', 'cancelling')
settle(KEYS[1], KEYS[2])
return 1
