-- Say what came of a request: a reply to keep, or nothing; whoever waited for it is named, once.
-- KEYS: 1 reply   2 claim   3 waiting
-- ARGV: 1 who asked   2 reply, '' for none   3 how long it is kept (ms)
--       4 without a reply, how long the request may be made without a claim (ms); 0: it may be claimed at once
--       5 1: forget the reply that is kept
-- Returns those who wait.
local keep = ARGV[2] ~= ''
local ours = redis.call('GET', KEYS[2]) == ARGV[1]
if keep then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if ARGV[5] == '1' then redis.call('DEL', KEYS[1]) end
if not keep and not ours then return {} end
local waiting = redis.call('LRANGE', KEYS[3], 0, -1)
local done = #waiting > 0 and {KEYS[3]} or {}
if keep or ARGV[4] == '0' then
  done[#done + 1] = KEYS[2]
else
  redis.call('SET', KEYS[2], '', 'PX', ARGV[4])
end
if #done > 0 then redis.call('DEL', unpack(done)) end
return waiting
