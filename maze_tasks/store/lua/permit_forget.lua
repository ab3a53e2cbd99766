-- Give back all permits and all places in the queue: whoever held them is known to be gone.
-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order
-- ARGV: 1 time that stands in for the clock (tests), else ''   2 expiry of unused keys (ms)
-- Returns how many there were. Requests and tokens in the window stay: those calls were made.
local now = clock(ARGV[1])
local held = redis.call('ZRANGE', LEASES, 0, -1)
for _, id in ipairs(held) do drop(id) end
if #held > 0 then save(now, tonumber(ARGV[2])) end
return #held
