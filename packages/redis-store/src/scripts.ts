import { script } from './script.ts'

// Lua compares strings byte for byte. A key that is not there is `false`, which equals no string.

/** The data and the expiry of KEYS[1]; nothing when it is not there. */
export const findWithExpiry = script(`
local data = redis.call('GET', KEYS[1])
if not data then return false end
return { data, redis.call('PEXPIRETIME', KEYS[1]) }
`)

/**
 * Writes ARGV[1] until ARGV[2] to KEYS[1]. Notes in KEYS[2], for ARGV[4] milliseconds, that try
 * ARGV[3] of this move did it: a repeated write, or one that arrives after a later try, changes
 * nothing. 1: written, now or before; 0: not written, a later try was first; -1: not written,
 * KEYS[1] is another session.
 */
export const swap = script(`
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) ~= ARGV[i + 1] then return 0 end
end
if KEYS[1] ~= KEYS[2] and redis.call('GET', KEYS[1]) then return 0 end
for i = 2, #KEYS do
  if KEYS[i] ~= KEYS[1] then redis.call('DEL', KEYS[i]) end
end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1
`)

/** Deletes KEYS[1] if it holds ARGV[1]. 1: done; 0: other data, or none. */
export const deleteHeld = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

/**
 * Of KEYS[1], which is to go to ARGV[2], noted in KEYS[2]. 1: it holds ARGV[1]; 2: it has gone
 * there; 0: neither.
 */
export const standing = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return redis.call('GET', KEYS[2]) == ARGV[2] and 2 or 0
`)

/**
 * Writes ARGV[1] until ARGV[2] to KEYS[1], and notes in KEYS[2], for ARGV[4] milliseconds, that try
 * ARGV[3] of this move has: one that comes late, after a later try, or twice, writes nothing. 1:
 * done, now or before; 0: not, as it came late; -1: not, as KEYS[1] is another session: a try of
 * this move would have left a note.
 */
export const arrive = script(`
local there = redis.call('GET', KEYS[1])
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[3]) then return there == ARGV[1] and 1 or 0 end
if there and not last then return -1 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return 1
`)

/**
 * Deletes KEYS[1] if it holds ARGV[1], by the try ARGV[2] of which KEYS[2] tells: what another has
 * written stays.
 */
export const takeBack = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('DEL', KEYS[1])
end
return 1
`)

/**
 * Deletes KEYS[1] if it holds ARGV[1], and notes in KEYS[2], for ARGV[3] milliseconds, that it went
 * to ARGV[2]. 1: done, now or before; 0: other data, or none.
 */
export const leave = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  redis.call('DEL', KEYS[1])
  return 1
end
return redis.call('GET', KEYS[2]) == ARGV[2] and 1 or 0
`)
