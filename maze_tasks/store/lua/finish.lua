-- Commit one attempt, once: its record, what it cost, the accounts, and what follows for the hole.
-- KEYS: 1 meta   2 hole   3 attempts   4 accounts   5 leases   6 events   7 due
--       8 queued set of the candidate that follows, or of the verifiers with `verify`
-- ARGV: 1 hole id   2 sample   3 attempt id   4 outcome   5 record behind its outcome (JSON)   6 model   7 cost (nano-USD)
--       8 candidate   9 simulated (0|1)   10 repeated (0|1)   11 step: accept | next | round | retry | fail | close | verify | split
--       12 wait (ms) of retry   13 error kind of fail   14 error message of fail   15 status the hole fails with
--       16 round   17 retries made at the candidate when the attempt began
--       18 how many counts of the run follow   19.. these, then those of the model's account, `accepted` ahead of the others:
--       field, difference in turn; `again` behind them: the commit is repeated after a restart of the server
-- Returns {'ok', what [, all records, with select]}: what = filled | next | round | retry | failed | skipped | needs_review | cancelled | open |
--         select | verify | split | done (the hole had come to its end before: the attempt is on record, nothing else changed)
--         {'gone'} | {'late', on}: nothing was changed; on as in begin.
local QUIET = 20 -- ms between two attempts that wake readers
local meta = redis.call('HMGET', KEYS[1], 'state', 'ordered', 'short', 'woken', 'attempts', 'cost_nano', 'n:in_progress', 'n:filled', 'n:pending')
local state = meta[1]
if not state then return {'gone'} end
known.ordered, known.short, known['n:in_progress'], known['n:filled'] = meta[2], meta[3], meta[7], meta[8]
local k = ARGV[2]
local h = redis.call('HMGET', KEYS[2], 'st', 'ca', 'n', k .. '.l', k .. '.v', k .. '.b')
if not h[1] then return {'gone'} end
if h[4] ~= ARGV[3] or h[5] then
  -- needs: forgotten
  if not forgotten(state, KEYS[2], k, {rd = ARGV[16], ca = ARGV[8], t = ARGV[17], r = ARGV[10]}) then
    if ARGV[#ARGV - 1] ~= 'again' then redis.call('HINCRBY', KEYS[1], 'late', 1) end
    local on = h[1] == 'pending' and not h[4] and tonumber(h[2]) == tonumber(ARGV[8]) + 1
    return {'late', on and 1 or 0}
  end
  move(KEYS[1], KEYS[2], h[1], 'in_progress')
  h[1] = 'in_progress'
end

local member = ARGV[1] .. '|' .. k
local outcome, step = ARGV[4], ARGV[11]
local cancelled = state == 'cancelling' or state == 'cancelled'
local counted = outcome == 'cancelled' -- a call that was cut says so itself
-- Where a deadline ends the run, what has come in time is not thrown away.
local kept = cancelled and step == 'accept' and redis.call('HGET', KEYS[1], 'why') == 'deadline'
cancelled = cancelled and not kept
if cancelled then outcome, step = 'cancelled', 'cancel' end
if is_terminal(h[1]) then step = 'none' end

if h[6] and h[6] ~= '0' then redis.call('HINCRBY', KEYS[1], 'reserved', '-' .. h[6]) end
clear_lease(KEYS[2], k, k .. '.r', k .. '.b')
redis.call('ZREM', KEYS[5], member)
local count = redis.call('RPUSH', KEYS[3], '{"outcome":"' .. outcome .. '",' .. ARGV[5])
if meta[6] and #meta[6] >= LONG then
  redis.call('HINCRBY', KEYS[1], 'attempts', 1)
  redis.call('HINCRBY', KEYS[1], 'cost_nano', ARGV[7])
else
  redis.call('HSET', KEYS[1], 'attempts', sum(meta[5], 1), 'cost_nano', sum(meta[6], ARGV[7]))
end
if tonumber(ARGV[8]) > 0 then
  redis.call('HINCRBY', KEYS[1], 'fallbacks', 1)
  redis.call('HINCRBY', KEYS[4], 'fallbacks|' .. ARGV[6], 1)
end
if ARGV[9] == '1' then redis.call('HINCRBY', KEYS[1], 'simulated', 1) end
if ARGV[10] == '1' then redis.call('HINCRBY', KEYS[1], 'repeated', 1) end
if cancelled and not counted then redis.call('HINCRBY', KEYS[4], 'cancelled|' .. ARGV[6], 1) end
local first = 19 + 2 * tonumber(ARGV[18])
for i = 19, first - 1, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
local last = ARGV[#ARGV - 1] == 'again' and #ARGV - 2 or #ARGV
if step ~= 'accept' and string.sub(ARGV[first] or '', 1, 9) == 'accepted|' then first = first + 2 end
add(KEYS[4], first, last, ARGV)

local what
if step == 'accept' then
  what = 'filled'
  move(KEYS[1], KEYS[2], h[1], what, 'wn', count - 1)
  ended(KEYS[1], KEYS[7], ARGV[1])
else
  -- needs: carry_out
  what = carry_out({KEYS[1], KEYS[2], KEYS[7], KEYS[8]}, {
    id = ARGV[1], member = member, sample = tonumber(k), samples = tonumber(h[3]), status = h[1], index = count - 1,
    step = step, wait = tonumber(ARGV[12]), kind = ARGV[13], message = ARGV[14], ends = ARGV[15],
  })
end
-- Readers that are woken wait before they look (store/waking.py): for so long nobody needs to be woken again.
local now = now_ms()
if math.abs(now - (tonumber(meta[4]) or 0)) >= QUIET then
  redis.call('HSET', KEYS[1], 'woken', now)
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', 1000, '*', 't', 'attempt', 'h', ARGV[1], 'm', ARGV[6], 'o', outcome, 's', what)
end
wake_short(KEYS[1], KEYS[7])
-- One hole comes to its end here at most: where more were open, the run goes on.
if (tonumber(meta[7]) or 0) + (tonumber(meta[9]) or 0) < 2 then settle(KEYS[1], KEYS[6]) end
if what == 'select' then return {'ok', what, redis.call('LRANGE', KEYS[3], 0, -1)} end
return {'ok', what}
