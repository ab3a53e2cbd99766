-- Give a permit back, once, and tell what its call said about the endpoint.
-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order
-- ARGV: 1 time that stands in for the clock (tests), else ''   2 permit   3 outcome: ok | failure | auth | denied |
--       throttled | neutral | unused   4 latency (us)   5 tokens used, -1: not known   6 pause asked for (ms), 0: none named
--       7 random number in 0..1   8 expiry of unused keys (ms)   9 window (ms)   10 grain (ms)
--       11 width of the breaker's buckets (ms)   12 buckets   13 calls below which no rate is judged   14 failure rate
--       15 failures in a row   16 first open period (ms)   17 the same after an authentication error   18 the longest (ms)
--       19 how long it must have been closed for the periods to start anew (ms)
--       20 permit that takes its place, '': none   21 its tokens   22 lease (ms)
-- Returns {1 if the permit was held, else 0 and nothing was changed; open until, 0: closed; paused until, 0: not;
--          1 if calls are let through and nobody was refused one of late, since all calls at once were made, else 0}
-- Breaker: the definition is maze_tasks/decide/breaker.py.
local FIRST_PAUSE, LONGEST_PAUSE = 1000, 30000 -- ms of a throttle that names no pause: the first, the longest
local MAX_LEVEL = 20
local WANTED = 2000 -- ms for which one who was refused counts as waiting: who waits asks again at least every second
local permit, outcome = 'p' .. ARGV[2], ARGV[3]
local buckets = tonumber(ARGV[12])
local names = {'lv', 'ca', 'sk', 'th'}
for i = 0, buckets - 1 do names[#names + 1] = 'w' .. i end
local now, read = clock(ARGV[1], names)
local behind = #read - #names -- where the further fields begin
S.lv, S.ca = tonumber(read[behind + 1] or 0), tonumber(read[behind + 2] or nil)
S.sk, S.th = tonumber(read[behind + 3] or 0), tonumber(read[behind + 4] or 0)
local window, grain = tonumber(ARGV[9]), tonumber(ARGV[10])
if now >= S.wl then
  -- needs: sweep_window
  sweep_window(now, window, grain)
end
-- The heir's call has begun, whatever has become of the permit it was left. Ahead of the other's end: keys that are empty
-- for a moment would forget when they expire.
local heir = ARGV[20]
if heir ~= '' then
  local began, tokens = count(now, grain, tonumber(ARGV[21])), ARGV[21]
  redis.call('ZADD', LEASES, now + tonumber(ARGV[22]), 'p' .. heir)
  redis.call('HSET', HELD, 'p' .. heir, began .. '|' .. tokens .. '|' .. S.ep)
end
local data = drop(permit)
if heir ~= '' and not data then fresh[LEASES], fresh[HELD] = true, true end

local function answer(counted)
  save(now, tonumber(ARGV[8]))
  local quiet = S.ou == 0 and S.pu <= now and now - S.dn >= WANTED
  return {counted, int(outside(S.ou)), int(outside(S.pu)), quiet and 1 or 0}
end

if not data then return answer(0) end
if S.pr == permit then set('pr', '') end
local start, reserved, epoch = read_permit(data)
local used = tonumber(ARGV[5])
if outcome == 'unused' then
  adjust(start, -1, -reserved, now - window - grain)
elseif used >= 0 and used ~= reserved then
  adjust(start, 0, used - reserved, now - window - grain)
end

-- The longest pause of those asked for holds. One that was not named grows with each throttle after a pause.
local pause = tonumber(ARGV[6])
if outcome == 'throttled' and pause == 0 and S.pu <= now then
  pause = math.min(FIRST_PAUSE * 2 ^ math.min(S.th, MAX_LEVEL), LONGEST_PAUSE)
  set('th', S.th + 1)
end
if pause > 0 then set('pu', math.max(S.pu, now + pause)) end

if outcome == 'ok' or outcome == 'failure' then
  local latency = tonumber(ARGV[4])
  set('lat', S.lat == 0 and latency or math.floor(S.lat + (latency - S.lat) / 10 + 0.5))
end
if outcome == 'ok' and S.th > 0 then set('th', 0) end

if epoch ~= S.ep or outcome == 'throttled' or outcome == 'neutral' or outcome == 'unused' then return answer(1) end

local failed, opens = outcome ~= 'ok', false
if S.ou ~= 0 and not failed then
  set('ou', 0)
  set('ca', now)
  set('sk', 0)
  for i = 0, buckets - 1 do redis.call('HDEL', STATE, 'w' .. i) end
  return answer(1)
end

if S.ou ~= 0 then
  opens = true
else
  -- Closed: one more call in the window of calls.
  local number, calls, failures = math.floor(now / tonumber(ARGV[11])), 0, 0
  for i = 0, buckets - 1 do
    local at, c, f
    -- A call that went well opens nothing: of the others' counts nothing is asked.
    if read[behind + 5 + i] and (failed or i == number % buckets) then
      at, c, f = string.match(read[behind + 5 + i], '^(%d+):(%d+):(%d+)$')
      at, c, f = tonumber(at), tonumber(c), tonumber(f)
    end
    if i == number % buckets then
      if at ~= number then c, f = 0, 0 end
      at, c, f = number, c + 1, f + (failed and 1 or 0)
      S.bucket = int(number) .. ':' .. int(c) .. ':' .. int(f)
    end
    if at and at > number - buckets then calls, failures = calls + c, failures + f end
  end
  local streak = failed and S.sk + 1 or 0
  local often = calls >= tonumber(ARGV[13]) and failures >= tonumber(ARGV[14]) * calls
  opens = failed and (outcome == 'auth' or outcome == 'denied' and failures == calls or streak >= tonumber(ARGV[15]) or often)
  if not opens then
    set('w' .. int(number % buckets), S.bucket)
    if streak ~= S.sk then set('sk', streak) end
  end
end
if opens then
  local is_new = S.ou == 0 and (not S.ca or now - S.ca >= tonumber(ARGV[19]))
  local level = is_new and 0 or math.min(S.lv + 1, MAX_LEVEL)
  local first = (outcome == 'auth' or outcome == 'denied') and ARGV[17] or ARGV[16]
  local period = math.min(tonumber(first) * 2 ^ level, tonumber(ARGV[18]))
  set('ou', now + math.floor(period * (0.5 + tonumber(ARGV[7]) / 2)))
  set('ep', S.ep + 1)
  set('lv', level)
  set('oc', (outcome == 'auth' or outcome == 'denied') and 'key' or '')
end
return answer(1)
