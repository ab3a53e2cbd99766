-- Create a run, or recognise it.
-- KEYS: 1 meta   2 plans
-- ARGV: 1 input digest   2 config digest   3 format version   4 rules (JSON)   5 1: holes wait for holes
--       6 budget (nano-USD), '' for none   7 how long the run may take (ms), '' for none   8.. plans in order (JSON each)
-- Returns 'created', 'same' (that very input and configuration) or 'other'.
local known = redis.call('HMGET', KEYS[1], 'input', 'config')
if known[1] then
  if known[1] == ARGV[1] and known[2] == ARGV[2] then return 'same' end
  return 'other'
end
redis.call('HSET', KEYS[1], 'state', 'running', 'input', ARGV[1], 'config', ARGV[2], 'version', ARGV[3],
  'rules', ARGV[4], 'created_ms', now_ms(), 'sealed', '0', 'sn', '1', 'ordered', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'budget', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', KEYS[1], 'deadline', now_ms() + tonumber(ARGV[7])) end
for i = 8, #ARGV do redis.call('HSET', KEYS[2], i - 8, ARGV[i]) end
return 'created'
