-- Give up a place in the queue, for a hole that goes elsewhere.
-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order
-- ARGV: 1 time that stands in for the clock (tests), else ''   2 place   3 expiry of unused keys (ms)
-- Returns 1, or 0 where nothing was reserved.
local now = clock(ARGV[1])
if not drop('r' .. ARGV[2]) then return 0 end
save(now, tonumber(ARGV[3]))
return 1
