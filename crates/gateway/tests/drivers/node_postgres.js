// node-postgres with its own pools, whose clients share one server connection with those of another tenant's pool.
"use strict";

const assert = require("node:assert/strict");
const { Client, Pool } = require("pg");

const model = process.env.TENANCY_MODEL;
const tenant = process.env.PGDATABASE;
const other = process.env.OTHER_TENANT;

async function withPool(options, work) {
  const pool = new Pool({ database: tenant, max: 4, ...options });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function withClient(options, work) {
  const client = new Client({ database: tenant, ...options });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const code = (expected) => (error) => {
  assert.equal(error.code, expected, error.stack);
  return true;
};

const row = {
  id: "1",
  number: -42,
  amount: "1234567.8901",
  ratio: 0.1,
  flag: true,
  label: "Grüße, 世界 \\ ' \" %s $1",
  raw: Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
  document: { list: [1, 2.5, null, "x"], nested: { ü: true } },
  at: new Date("2024-02-29T23:59:59.999Z"),
  token: "0192d3a0-0000-7000-8000-0000000000ff",
  numbers: ["1", "-2", String(2n ** 62n), null],
  labels: ["", "a,b", '{"quoted"}', null, "NULL"],
  mood: "curious",
};

async function types() {
  const names = Object.keys(row);
  const insert = `INSERT INTO samples (${names}) VALUES (${names.map((_, n) => `$${n + 1}`)})`;
  const nothing = { ...Object.fromEntries(names.map((name) => [name, null])), id: "2" };
  await withPool({}, async (pool) => {
    await pool.query(insert, Object.values(row));
    await pool.query(insert, Object.values(nothing));
    const select = `SELECT ${names} FROM samples WHERE id = $1`;
    assert.deepEqual({ ...(await pool.query(select, [1])).rows[0] }, row);
    assert.deepEqual({ ...(await pool.query(select, [2])).rows[0] }, nothing);
    const several = await pool.query("SELECT 1 AS a; SELECT 2 AS b");
    assert.deepEqual(several.map((result) => result.rows), [[{ a: 1 }], [{ b: 2 }]]);
  });
  await withClient({ database: other }, async (client) => {
    assert.equal((await client.query("SELECT count(*)::int FROM samples")).rows[0].count, 0);
  });
}

async function namedStatements() {
  await withPool({}, (pool) =>
    withPool({ database: other }, async (others) => {
      const id = async (of) => (await of.query("SELECT tenancy.tenant_id() AS id")).rows[0].id;
      const ids = [await id(pool), await id(others)];
      assert.notEqual(ids[0], ids[1]);
      for (let turn = 0; turn < 3; turn++) {
        for (let n = 0; n < 20; n++) {
          const query = { name: `statement ${n}`, text: `SELECT $1::int + ${n} AS sum, tenancy.tenant_id() AS id`, values: [turn] };
          const [one, two] = await Promise.all([pool.query({ ...query }), others.query({ ...query })]);
          assert.deepEqual([one.rows[0], two.rows[0]], ids.map((id) => ({ sum: turn + n, id })));
        }
      }
    }),
  );
}

async function transactions() {
  await withClient({}, async (client) => {
    await client.query("BEGIN");
    await client.query("INSERT INTO notes (id, slug) VALUES ($1, $2)", [1, "one"]);
    await client.query("SAVEPOINT here");
    await assert.rejects(client.query("INSERT INTO notes (id, slug) VALUES ($1, $2)", [2, "one"]), code("23505"));
    await assert.rejects(client.query("SELECT 1"), code("25P02"));
    await client.query("ROLLBACK TO here");
    await client.query("INSERT INTO notes (id, slug) VALUES ($1, $2)", [3, "three"]);
    await client.query("DECLARE piece CURSOR FOR SELECT id FROM notes ORDER BY id");
    assert.deepEqual((await client.query("FETCH 1 FROM piece")).rows, [{ id: "1" }]);
    assert.deepEqual((await client.query("FETCH ALL FROM piece")).rows, [{ id: "3" }]);
    await client.query("COMMIT");
    await assert.rejects(client.query("SELECT no_such_column FROM notes WHERE id = $1", [1]), code("42703"));
    await assert.rejects(client.query({ name: "wrong", text: "SELECT 1 / $1::int", values: [0] }), code("22012"));
    const counted = await client.query({ name: "wrong", text: "SELECT 1 / $1::int", values: [1] });
    assert.equal(counted.rowCount, 1);
    // Sent without waiting for one another.
    const sent = [1, 2, 3].map((n) => client.query("SELECT $1::int AS n", [n]));
    assert.deepEqual((await Promise.all(sent)).map((result) => result.rows[0].n), [1, 2, 3]);
    await client.query("DELETE FROM notes");
  });
}

async function copies() {
  // On its own the driver sends no data: it fails the COPY, or is told that there can be none.
  await withClient({}, async (client) => {
    await assert.rejects(client.query("COPY notes FROM STDIN"), code(model === "database" ? "57014" : "0A000"));
    assert.equal((await client.query("SELECT 1 AS one")).rows[0].one, 1);
  });
}

async function timeouts() {
  await withClient({ statement_timeout: 200, application_name: "node", options: "-c TimeZone=Asia/Kolkata" }, async (client) => {
    await assert.rejects(client.query("SELECT pg_sleep(60)"), code("57014"));
    await assert.rejects(client.query("SELECT pg_sleep($1)", [60]), code("57014"));
    const { rows } = await client.query("SELECT current_setting('application_name') AS name, current_setting('TimeZone') AS zone");
    assert.deepEqual(rows, [{ name: "node", zone: "Asia/Kolkata" }]);
  });
  await withClient({}, async (client) => {
    const { rows } = await client.query("SHOW statement_timeout");
    assert.deepEqual(rows, [{ statement_timeout: "0" }]);
  });
}

async function notices() {
  await withClient({}, async (client) => {
    const heard = [];
    client.on("notice", (notice) => heard.push(notice.message));
    await client.query("DROP TABLE IF EXISTS nothing");
    assert.deepEqual(heard, ['table "nothing" does not exist, skipping']);
  });
}

async function large() {
  await withClient({}, async (client) => {
    const { rows } = await client.query("SELECT n, repeat('x', 50) AS text FROM generate_series(1, 100000) n");
    assert.equal(rows.length, 100000);
    assert.deepEqual({ ...rows[99999] }, { n: 100000, text: "x".repeat(50) });
    const value = Buffer.alloc(5 << 20, "0123456789abcdef");
    const back = await client.query("INSERT INTO samples (id, raw) VALUES (100, $1) RETURNING raw", [value]);
    assert.ok(back.rows[0].raw.equals(value));
    await client.query("DELETE FROM samples WHERE id = 100");
  });
}

async function manyClients() {
  const client = async (pool, name, number) => {
    for (let turn = 0; turn < 20; turn++) {
      const id = number * 100 + turn;
      await pool.query("INSERT INTO notes (id, body) VALUES ($1, $2)", [id, `${name} ${id}`]);
      const all = await pool.query({ name: "all", text: "SELECT body FROM notes" });
      assert.ok(all.rows.every(({ body }) => body.startsWith(`${name} `)));
      const own = await pool.query({ name: "own", text: "SELECT body FROM notes WHERE id = $1", values: [id] });
      assert.deepEqual(own.rows, [{ body: `${name} ${id}` }]);
    }
  };
  await withPool({}, (pool) =>
    withPool({ database: other }, async (others) => {
      const both = [[pool, tenant], [others, other]];
      await Promise.all(both.flatMap(([of, name]) => [0, 1, 2, 3].map((number) => client(of, name, number))));
      for (const [of] of both) {
        assert.equal((await of.query("SELECT count(*)::int FROM notes")).rows[0].count, 80);
        await of.query("DELETE FROM notes");
      }
    }),
  );
}

async function main() {
  for (const check of [types, namedStatements, transactions, copies, timeouts, notices, large, manyClients]) {
    try {
      console.log(check.name);
      await check();
    } catch (error) {
      process.exitCode = 1;
      console.error(`${check.name} failed for ${tenant} (${model}):`, error);
    }
  }
}

main();
