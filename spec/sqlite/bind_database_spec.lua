local has, sqlite = pcall(require, "smpp.sqlite")
if not has then return end

describe("bind_database", function()
  local db
  before_each(function() db = assert(sqlite.open ":memory:") end)
  after_each(function() db:close() end)

  it("writes and reads numbers, texts and octets", function()
    assert.is_true(db:exec "CREATE TABLE t (a, b, c, d)")
    local insert = assert(db:prepare "INSERT INTO t VALUES (?, ?, ?, CAST(? AS BLOB))")
    local octets = "\0\1\255" .. ("x"):rep(70000)
    assert.same({ 1, 1 }, { insert:run(9007199254740991, 0.25, "a\0b", octets) })
    assert.same({ 1, 2 }, { insert:run(-5, nil, nil, "") })
    local select_all = assert(db:prepare "SELECT a, b, c, d FROM t ORDER BY rowid")
    assert.same({ 9007199254740991, 0.25, "a\0b", octets }, { select_all:row() })
    local all = select_all:all()
    assert.same({ -5, nil, nil, "" }, { all[5], all[6], all[7], all[8] })
    assert.same({}, { assert(db:prepare "SELECT a FROM t WHERE a = 7"):row() })
    assert.equal(2, (assert(db:prepare "UPDATE t SET a = 1"):run()))
  end)

  it("returns what SQLite says of an error, and goes on", function()
    local statement, message, code = db:prepare "SELECT a FROM nowhere"
    assert.is_nil(statement)
    assert.equal("no such table: nowhere", message)
    assert.equal(1, code)
    assert(db:exec "CREATE TABLE t (a UNIQUE)")
    local insert = assert(db:prepare "INSERT INTO t VALUES (?)")
    assert.equal(1, (insert:run "x"))
    local ok
    ok, message = insert:run "x"
    assert.is_nil(ok)
    assert.truthy(message:find "UNIQUE constraint failed")
    assert.equal(1, (insert:run "y"))
    assert.is_nil((db:exec "nonsense"))
    assert.is_nil((sqlite.open "/nonexistent/folder/x.db"))
  end)

  it("raises for what is closed", function()
    local statement = assert(db:prepare "SELECT 1")
    statement:close()
    assert.has_error(function() statement:row() end, "the statement is closed")
    local other = assert(sqlite.open ":memory:")
    local kept = assert(other:prepare "SELECT 1")
    other:close()
    other:close()
    assert.has_error(function() other:exec "SELECT 1" end, "the database is closed")
    assert.equal(1, (kept:row())) -- a statement keeps its database
  end)
end)
