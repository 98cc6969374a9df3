import { script } from './script.ts'

// Lua compares strings byte for byte. A key that is not there is `false`, which equals no string.

/** The data and the expiry of KEYS[1]; nothing when it is not there. */
export const findWithExpiry = script(`
local data = redis.call('GET', KEYS[1])
if not data then return false end
return { data, redis.call('PEXPIRETIME', KEYS[1]) }
`)

/** Over ARGV[1] in KEYS[1], writes ARGV[2] until ARGV[3]. 1: done; 0: not, as other data is there, or none. */
export const replace = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
  return 1
end
return 0
`)

/** As {@link replace}, and moves it to KEYS[2]. 1: done; 0: not; -1: not, as KEYS[2] is another session. */
export const rename = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  local there = redis.call('GET', KEYS[2])
  if there and there ~= ARGV[2] then return -1 end
  redis.call('SET', KEYS[2], ARGV[2], 'PXAT', ARGV[3])
  redis.call('DEL', KEYS[1])
  return 1
end
return 0
`)

/** Writes ARGV[1] until ARGV[2] to KEYS[1], if nothing or the same is there. 1: done; -1: KEYS[1] is another session. */
export const arrive = script(`
local there = redis.call('GET', KEYS[1])
if there and there ~= ARGV[1] then return -1 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1
`)

/**
 * Deletes KEYS[1] if it holds ARGV[1], and notes in KEYS[2], for ARGV[3] milliseconds, that it went to ARGV[2]. 1: done,
 * now or before; 0: other data, or none.
 */
export const leave = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  redis.call('DEL', KEYS[1])
  return 1
end
return redis.call('GET', KEYS[2]) == ARGV[2] and 1 or 0
`)
