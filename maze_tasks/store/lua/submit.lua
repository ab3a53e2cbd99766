-- Add holes to a run that is not sealed; a hole that is there already is left as it is, so a repeat changes nothing.
-- KEYS: 1 meta   2 ids   3..2+q queued set of a model each   then hole, text of each hole in turn
-- ARGV: 1 q   then of each hole: id, text, plan number, samples, numbers of its samples' queued sets (from 1, as 1,2,1),
--       bound of its prompt's tokens, tokens to ask for, 1: it waits for other holes
-- Returns {number added, ids added ...}, or an error text where the run takes no more.
local MOST = 2000 -- values in one command, an even number: scores and members go in pairs
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return redis.error_reply('MAZE no such run') end
if state ~= 'running' and state ~= 'paused' then return redis.error_reply('MAZE run is ' .. state) end
local q = tonumber(ARGV[1])
local now = now_ms()
local added, sent = {0}, {}
local at, key = 2, 3 + q
while at <= #ARGV do
  local id, text, plan, samples, sets = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4]
  if redis.call('EXISTS', KEYS[key]) == 0 then
    local more = {}
    if ARGV[at + 7] == '1' then
      more = {'hd', 1}
    else
      local k = 0
      for set in string.gmatch(sets, '%d+') do
        more[#more + 1], more[#more + 2] = k .. '.s', 1
        local members = sent[set] or {}
        sent[set] = members
        members[#members + 1], members[#members + 2] = now, id .. '|' .. k
        k = k + 1
      end
    end
    redis.call('HSET', KEYS[key], 'st', 'pending', 'rd', 0, 'ca', 0, 'pl', plan, 'n', samples,
      'tp', ARGV[at + 5], 'tm', ARGV[at + 6], unpack(more))
    redis.call('SET', KEYS[key + 1], text)
    added[1] = added[1] + 1
    added[#added + 1] = id
  end
  at, key = at + 8, key + 2
end
-- Many at a time, for a command each would take longer than what it does; as many as Lua's stack surely holds.
local function together(command, name, values, from)
  for i = from, #values, MOST do redis.call(command, name, unpack(values, i, math.min(i + MOST - 1, #values))) end
end
together('RPUSH', KEYS[2], added, 2)
for set, members in pairs(sent) do together('ZADD', KEYS[2 + tonumber(set)], members, 1) end
redis.call('HINCRBY', KEYS[1], 'holes', added[1])
redis.call('HINCRBY', KEYS[1], 'n:pending', added[1])
return added
