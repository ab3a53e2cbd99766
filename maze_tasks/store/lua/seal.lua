-- Say that no more holes come; a run whose holes are all closed ends here.
-- KEYS: 1 meta   2 events
redis.call('HSET', KEYS[1], 'sealed', '1')
return settle(KEYS[1], KEYS[2])
