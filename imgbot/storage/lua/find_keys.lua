-- Finds keys of owners (ids of users, or of jobs) in one page of a scan; changes nothing.
-- KEYS: result: dead_job: recent:
-- ARGV: cursor count records pointers listed owners...
-- The prefixes of keys, each ending with a comma: `records` have the owner in `user_id`, `pointers`
-- hold the id of a job, and all of `listed` are returned, as well as the lists of groups.
-- Returns the next cursor, the records and pointers of the owners, and names with one's id in them.
local is_owner = {}
for _, owner in ipairs(owners) do is_owner[owner] = true end
local function set_of(text)
  local set = {}
  for prefix in text:gmatch('[^,]+') do set[prefix] = true end
  return set
end
local is_record, is_pointer, is_listed = set_of(records), set_of(pointers), set_of(listed)
local function owner_of(key, prefix)
  if is_record[prefix] then return redis.pcall('HGET', key, 'user_id') end
  local job = is_pointer[prefix] and redis.pcall('GET', key)
  if type(job) ~= 'string' or is_owner[job] then return job end
  return redis.pcall('HGET', result_prefix .. job, 'user_id')
    or redis.pcall('HGET', dead_job_prefix .. job, 'user_id')
end
local page = redis.call('SCAN', cursor, 'MATCH', 'img:*', 'COUNT', count)
local owned, named = {}, {}
for _, key in ipairs(page[2]) do
  local prefix = key:match('^img:[^:]*:')
  if is_owner[owner_of(key, prefix)] then owned[#owned + 1] = key end
  local is_named = is_listed[prefix] or key:find(recent_prefix .. '-', 1, true) == 1
  for id in key:gmatch('%d+') do is_named = is_named or is_owner[id] end
  if is_named then named[#named + 1] = key end
end
return {page[1], owned, named}
