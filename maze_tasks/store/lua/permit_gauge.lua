-- What the gate of a model's endpoint shows.
-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order
-- ARGV: 1 time that stands in for the clock (tests), else ''   2 window (ms)   3 grain (ms)
-- Returns {breaker: closed | open | half_open, open until (0: closed), paused until (0: not), calls running,
--          requests and tokens in the window, reservations, mean latency (us), now}
local now = clock(ARGV[1])
if redis.call('EXISTS', STATE) == 1 then
  sweep_leases(now, 0)
  if now >= S.wl then sweep_window(now, tonumber(ARGV[2]), tonumber(ARGV[3])) end
  save(now, nil) -- looking on is no use: the keys expire all the same
end
local waiting = redis.call('ZCARD', QUEUE)
local breaker = S.ou == 0 and 'closed' or now < S.ou and 'open' or 'half_open'
return {
  breaker, int(outside(S.ou)), int(S.pu > now and outside(S.pu) or 0), int(redis.call('ZCARD', LEASES) - waiting),
  int(S.n), int(S.t), int(waiting), int(S.lat), int(outside(now)),
}
