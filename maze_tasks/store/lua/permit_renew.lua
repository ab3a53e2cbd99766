-- Lengthen the leases of permits that are still held.
-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order
-- ARGV: 1 time that stands in for the clock (tests), else ''   2 lease (ms)   3 expiry of unused keys (ms)   4.. permits
-- Returns 1 for each that is held, 0 for each that is lost.
local now, kept, any = clock(ARGV[1]), {}, false
local ends = int(now + tonumber(ARGV[2]))
for i = 4, #ARGV do
  local permit = 'p' .. ARGV[i]
  local held = redis.call('ZSCORE', LEASES, permit)
  if held then
    redis.call('ZADD', LEASES, ends, permit)
    any = true
  end
  kept[#kept + 1] = held and 1 or 0
end
if any then save(now, tonumber(ARGV[3])) end
return kept
