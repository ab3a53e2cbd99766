-- Move a run from one of some states to another.
-- KEYS: 1 meta   2 events
-- ARGV: 1 new state   2.. states it may come from
-- Returns the state the run has now, or '' where there is no such run.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return '' end
for i = 2, #ARGV do
  if state == ARGV[i] then
    redis.call('HSET', KEYS[1], 'state', ARGV[1])
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 't', 'run', 's', ARGV[1])
    settle(KEYS[1], KEYS[2])
    return redis.call('HGET', KEYS[1], 'state')
  end
end
return state
