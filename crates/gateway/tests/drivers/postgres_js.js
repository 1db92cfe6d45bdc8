// postgres.js: pipelined by nature, prepared by default, with a pool of its own.
"use strict";

const assert = require("node:assert/strict");
const postgres = require("postgres");

const places = JSON.parse(process.env.PLACES);
const session = process.env.POOL_MODE === "session";

async function using(tenant, options, work) {
  const sql = postgres({ database: tenant, max: 3, onnotice: () => {}, ...options });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
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
  // It takes a NULL within an array for the text.
  numbers: ["1", "-2", String(2n ** 62n)],
  labels: ["", "a,b", '{"quoted"}', "NULL"],
  mood: "curious",
};

async function types({ tenant, other }) {
  const columns = Object.keys(row);
  for (const prepare of [true, false]) {
    await using(tenant, { prepare }, async (sql) => {
      const nothing = { ...Object.fromEntries(columns.map((name) => [name, null])), id: "2" };
      // It does not guess the type of an object: it looks at the parameter's.
      await sql`INSERT INTO samples ${sql(row, columns)}`;
      await sql`INSERT INTO samples ${sql(nothing, columns)}`;
      const found = await sql`SELECT ${sql(columns)} FROM samples ORDER BY samples.id`;
      assert.deepEqual(found.map((each) => ({ ...each })), [row, nothing]);
      assert.equal((await sql`SELECT id FROM samples WHERE id = ANY(${[1, 7]}) AND label = ${row.label}`).count, 1);
      await using(other, {}, async (others) => assert.equal((await others`SELECT * FROM samples`).count, 0));
      assert.equal((await sql`DELETE FROM samples`).count, 2);
    });
  }
}

async function statements({ tenant, other }) {
  await using(tenant, {}, (one) =>
    using(other, {}, async (two) => {
      const ids = await Promise.all([one, two].map(async (sql) => (await sql`SELECT tenancy.tenant_id() AS id`)[0].id));
      assert.notEqual(ids[0], ids[1]);
      for (let turn = 0; turn < 3; turn++) {
        const ask = (sql, n) => sql`SELECT ${turn}::int + ${sql.unsafe(String(n))} AS sum, tenancy.tenant_id() AS id`;
        const asked = Array.from({ length: 40 }, (_, n) => ask(n % 2 ? two : one, n));
        for (const [n, [answer]] of (await Promise.all(asked)).entries()) {
          assert.deepEqual({ ...answer }, { sum: turn + n, id: ids[n % 2] });
        }
      }
      // Errors of some do not touch the others in the pipeline.
      const mixed = Array.from({ length: 20 }, (_, n) => one`SELECT 10 / ${n % 4}::int AS quotient`);
      const outcomes = await Promise.allSettled(mixed);
      assert.deepEqual(outcomes.map(({ status }) => status === "rejected"), mixed.map((_, n) => n % 4 === 0));
    }),
  );
}

async function transactions({ tenant }) {
  await using(tenant, {}, async (sql) => {
    await sql.begin(async (sql) => {
      await sql`INSERT INTO notes (id, slug) VALUES (1, 'one')`;
      const nested = sql.savepoint((sql) => sql`INSERT INTO notes (id, slug) VALUES (2, 'one')`);
      await assert.rejects(nested, code("23505"));
      await sql.savepoint((sql) => sql`INSERT INTO notes (id, slug) VALUES (3, 'three')`);
      return [sql`SELECT 1`, sql`SELECT 2`];
    });
    const failing = sql.begin(async (sql) => {
      await sql`DELETE FROM notes`;
      await sql`SELECT no_such_column FROM notes`;
    });
    await assert.rejects(failing, code("42703"));
    await assert.rejects(sql.begin("READ ONLY ISOLATION LEVEL SERIALIZABLE", (sql) => sql`DELETE FROM notes`), code("25006"));
    assert.deepEqual((await sql`SELECT id FROM notes ORDER BY id`).map(({ id }) => id), ["1", "3"]);
    const reserved = await sql.reserve();
    assert.equal((await reserved`SELECT count(*)::int FROM notes`)[0].count, 2);
    reserved.release();
    await sql`DELETE FROM notes`;
  });
}

async function batches({ tenant, other }) {
  await using(tenant, {}, async (sql) => {
    const notes = Array.from({ length: 1000 }, (_, n) => ({ id: n, body: `body ${n}` }));
    assert.equal((await sql`INSERT INTO notes ${sql(notes)}`).count, 1000);
    const ids = [];
    await sql`SELECT id FROM notes ORDER BY id`.cursor(64, (rows) => {
      ids.push(...rows.map(({ id }) => Number(id)));
      return ids.length < 640 ? undefined : sql.CLOSE;
    });
    assert.deepEqual(ids, Array.from({ length: 640 }, (_, n) => n));
    let seen = 0;
    await sql`SELECT id FROM notes`.forEach(() => seen++);
    assert.equal(seen, 1000);
    const chunks = [];
    for await (const chunk of await sql`COPY (SELECT id, body FROM notes ORDER BY id) TO STDOUT`.readable()) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString().split("\n")[999], "999\tbody 999");
    await using(other, {}, async (others) => assert.equal((await others`SELECT * FROM notes`).count, 0));
    const several = await sql`SELECT 1 AS a; SELECT 2 AS a`.simple();
    assert.deepEqual(several.map(([{ a }]) => a), [1, 2]);
    assert.equal((await sql`DELETE FROM notes RETURNING id`).length, 1000);
  });
}

async function cancels({ tenant }) {
  const heard = [];
  await using(tenant, { max: 1, onnotice: ({ message }) => heard.push(message), connection: { statement_timeout: 150 } }, async (sql) => {
    await assert.rejects(sql`SELECT pg_sleep(60)`, code("57014"));
    await sql`DROP TABLE IF EXISTS nothing`;
    assert.deepEqual(heard, ['table "nothing" does not exist, skipping']);
  });
  await using(tenant, { max: 1 }, async (sql) => {
    assert.equal((await sql`SHOW statement_timeout`)[0].statement_timeout, "0");
    const sleeping = sql`SELECT pg_sleep(60)`;
    const ended = assert.rejects(sleeping, code("57014"));
    // It takes no cancelling before the statement is sent.
    const until = setInterval(() => sleeping.state && sleeping.cancel(), 50);
    await ended;
    clearInterval(until);
    assert.equal((await sql`SELECT 1 AS one`)[0].one, 1);
  });
}

async function notifications({ tenant, model }) {
  if (!session || model !== "database") return;
  await using(tenant, {}, async (sql) => {
    let heard;
    const news = new Promise((resolve) => (heard = resolve));
    const { unlisten } = await sql.listen("news", heard);
    // Its own sql.notify() calls pg_notify(), which the application's role may not.
    await sql`NOTIFY news, 'hello'`;
    assert.equal(await news, "hello");
    await unlisten();
  });
}

async function manyClients({ tenant, other }) {
  const client = async (sql, name, number) => {
    for (let turn = 0; turn < 10; turn++) {
      const id = number * 100 + turn;
      await sql`INSERT INTO notes (id, body) VALUES (${id}, ${`${name} ${id}`})`;
      assert.ok((await sql`SELECT body FROM notes`).every(({ body }) => body.startsWith(`${name} `)));
    }
  };
  await using(tenant, {}, (one) =>
    using(other, {}, async (two) => {
      const both = [[one, tenant], [two, other]];
      await Promise.all(both.flatMap(([sql, name]) => [0, 1, 2].map((number) => client(sql, name, number))));
      for (const [sql] of both) assert.equal((await sql`DELETE FROM notes`).count, 30);
    }),
  );
}

async function main() {
  for (const place of places) {
    for (const check of [types, statements, transactions, batches, cancels, notifications, manyClients]) {
      try {
        console.log(place.model, check.name);
        await check(place);
      } catch (error) {
        process.exitCode = 1;
        console.error(`${check.name} failed for ${place.tenant} (${place.model}, session: ${session}):`, error);
      }
    }
  }
}

main();
