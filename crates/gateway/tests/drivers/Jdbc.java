// PostgreSQL's JDBC driver, in each of its query modes. Run as a source file: java -cp postgresql.jar Jdbc.java
// The places come as arguments: model, tenant and other tenant, three by three.

import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;

public final class Jdbc {
    static final boolean SESSION = "session".equals(System.getenv("POOL_MODE"));

    interface Work { void run() throws Exception; }

    public static void main(String[] args) throws Exception {
        for (int at = 0; at < args.length; at += 3) {
            for (String mode : new String[] {"extended", "extendedCacheEverything", "extendedForPrepared", "simple"}) {
                System.out.println(args[at] + " " + mode);
                try (Connection one = connect(args[at + 1], mode); Connection two = connect(args[at + 2], mode)) {
                    types(one, two, mode);
                    prepared(one, two);
                    transactions(one);
                    batches(one, two);
                    others(one);
                    if (SESSION) notifications(one, args[at]);
                }
            }
        }
    }

    static Connection connect(String tenant, String mode) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        properties.setProperty("preferQueryMode", mode);
        // A statement gets a name on the server at its second use, a few are kept; failed statements are rolled back.
        properties.setProperty("prepareThreshold", "2");
        properties.setProperty("preparedStatementCacheQueries", "8");
        properties.setProperty("reWriteBatchedInserts", "extended".equals(mode) ? "true" : "false");
        properties.setProperty("autosave", "extendedForPrepared".equals(mode) ? "always" : "never");
        String server = System.getenv("PGHOST") + ":" + System.getenv("PGPORT");
        return DriverManager.getConnection("jdbc:postgresql://" + server + "/" + tenant, properties);
    }

    static void check(boolean holds, Object what) {
        if (!holds) throw new AssertionError(what);
    }

    static void fails(String sqlstate, Work work) throws Exception {
        try {
            work.run();
        } catch (SQLException error) {
            if (sqlstate.equals(error.getSQLState())) return;
            throw error;
        }
        throw new AssertionError(sqlstate + " was expected");
    }

    static long number(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    static int execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.executeUpdate(sql);
        }
    }

    static void types(Connection one, Connection two, String mode) throws Exception {
        byte[] raw = new byte[256];
        for (int n = 0; n < raw.length; n++) raw[n] = (byte) n;
        UUID token = UUID.fromString("0192d3a0-0000-7000-8000-0000000000ff");
        OffsetDateTime at = OffsetDateTime.parse("2024-02-29T23:59:59.999999Z");
        Long[] numbers = {1L, -2L, 1L << 62, null};
        String label = "Grüße, 世界 \\ ' \" %s $1 ?";
        String sql = "INSERT INTO samples (id, amount, ratio, flag, label, raw, document, at, day, token, numbers, mood)"
            + " VALUES (1, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?::mood)";
        try (PreparedStatement insert = one.prepareStatement(sql)) {
            insert.setBigDecimal(1, new BigDecimal("1234567.8901"));
            insert.setDouble(2, 0.1);
            insert.setBoolean(3, true);
            insert.setString(4, label);
            // Debian's release writes bytes wrongly into the statement in simple mode.
            insert.setBytes(5, mode.equals("simple") ? null : raw);
            insert.setString(6, "{\"list\": [1, null]}");
            insert.setObject(7, at);
            insert.setObject(8, LocalDate.EPOCH);
            insert.setObject(9, token);
            insert.setArray(10, one.createArrayOf("bigint", numbers));
            insert.setObject(11, "curious", Types.VARCHAR);
            check(insert.executeUpdate() == 1, "inserted");
        }
        // From the second use on the results are binary.
        for (int turn = 0; turn < 4; turn++) {
            try (PreparedStatement select = one.prepareStatement("SELECT * FROM samples WHERE id = ?")) {
                select.setLong(1, 1);
                ResultSet row = select.executeQuery();
                check(row.next(), "a row");
                check(row.getBigDecimal("amount").equals(new BigDecimal("1234567.8901")), row.getBigDecimal("amount"));
                check(row.getDouble("ratio") == 0.1 && row.getBoolean("flag"), "ratio, flag");
                check(row.getString("label").equals(label), row.getString("label"));
                check(Arrays.equals(row.getBytes("raw"), mode.equals("simple") ? null : raw), "raw");
                check(row.getString("document").equals("{\"list\": [1, null]}"), row.getString("document"));
                check(row.getObject("at", OffsetDateTime.class).isEqual(at), row.getObject("at"));
                check(row.getObject("day", LocalDate.class).equals(LocalDate.EPOCH), row.getObject("day"));
                check(row.getObject("token").equals(token), row.getObject("token"));
                check(Arrays.equals((Object[]) row.getArray("numbers").getArray(), numbers), row.getArray("numbers"));
                check(row.getString("mood").equals("curious") && row.getObject("number") == null, "mood, number");
            }
        }
        check(number(two, "SELECT count(*) FROM samples") == 0, "another tenant's rows");
        check(execute(one, "DELETE FROM samples") == 1, "deleted");
    }

    /** More statements than the client keeps, over many transactions, in turn with another tenant. */
    static void prepared(Connection one, Connection two) throws Exception {
        long[] ids = {number(one, "SELECT tenancy.tenant_id()"), number(two, "SELECT tenancy.tenant_id()")};
        check(ids[0] != ids[1], ids[0]);
        Connection[] both = {one, two};
        for (int turn = 0; turn < 4; turn++) {
            for (int n = 0; n < 12; n++) {
                for (int who = 0; who < 2; who++) {
                    try (PreparedStatement ask = both[who].prepareStatement("SELECT ?::int + " + n + ", tenancy.tenant_id()")) {
                        ask.setInt(1, turn);
                        ResultSet row = ask.executeQuery();
                        check(row.next() && row.getInt(1) == turn + n && row.getLong(2) == ids[who], "whose row?");
                    }
                }
            }
        }
        // By the answer to this the driver knows that it has to prepare again.
        try (PreparedStatement ask = one.prepareStatement("SELECT 'again'")) {
            for (int n = 0; n < 3; n++) ask.executeQuery().close();
            execute(one, "DEALLOCATE ALL");
            one.setAutoCommit(false);
            ask.executeQuery().close();
            one.commit();
            one.setAutoCommit(true);
        }
    }

    static void transactions(Connection one) throws Exception {
        one.setAutoCommit(false);
        execute(one, "INSERT INTO notes (id, slug) VALUES (1, 'one')");
        var here = one.setSavepoint("here");
        fails("23505", () -> execute(one, "INSERT INTO notes (id, slug) VALUES (2, 'one')"));
        one.rollback(here);
        execute(one, "INSERT INTO notes (id, slug) VALUES (3, 'three')");
        one.commit();
        execute(one, "DELETE FROM notes");
        one.rollback();
        one.setReadOnly(true);
        one.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        fails("25006", () -> execute(one, "DELETE FROM notes"));
        one.rollback();
        one.setReadOnly(false);
        one.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        one.setAutoCommit(true);
        check(number(one, "SELECT sum(id) FROM notes") == 4, "the sum of the ids");
        check(execute(one, "DELETE FROM notes") == 2, "deleted");
        fails("22012", () -> number(one, "SELECT 1 / 0"));
    }

    static void batches(Connection one, Connection two) throws Exception {
        one.setAutoCommit(false);
        try (PreparedStatement insert = one.prepareStatement("INSERT INTO notes (id, body) VALUES (?, ?)")) {
            for (int n = 0; n < 1000; n++) {
                insert.setLong(1, n);
                insert.setString(2, "body " + n);
                insert.addBatch();
            }
            check(insert.executeBatch().length == 1000, "the batch");
        }
        one.commit();
        try (PreparedStatement keys = one.prepareStatement("INSERT INTO notes (id) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            keys.setLong(1, 5000);
            keys.executeUpdate();
            ResultSet key = keys.getGeneratedKeys();
            check(key.next() && key.getLong("id") == 5000, "the generated key");
        }
        one.rollback();
        check(number(two, "SELECT count(*) FROM notes") == 0, "another tenant's rows");
        try (PreparedStatement select = one.prepareStatement("SELECT id FROM notes ORDER BY id")) {
            // By portals with a limit, within the transaction.
            select.setFetchSize(64);
            ResultSet rows = select.executeQuery();
            int n = 0;
            while (rows.next()) check(rows.getLong(1) == n++, n);
            check(n == 1000, n);
        }
        StringWriter out = new StringWriter();
        long copied = one.unwrap(PGConnection.class).getCopyAPI().copyOut("COPY (SELECT id, body FROM notes) TO STDOUT", out);
        check(copied == 1000, copied);
        execute(one, "DELETE FROM notes");
        one.commit();
        one.setAutoCommit(true);
    }

    static void others(Connection one) throws Exception {
        try (Statement statement = one.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS nothing");
            check(statement.getWarnings().getMessage().contains("does not exist, skipping"), statement.getWarnings());
            statement.execute("SELECT 1; SELECT 2");
            check(statement.getMoreResults() && statement.getResultSet().next(), "the second result");
        }
        try (Statement statement = one.createStatement()) {
            statement.setQueryTimeout(1);
            fails("57014", () -> statement.executeQuery("SELECT pg_sleep(60)"));
        }
        check(one.isValid(20), "valid");
        // The driver sends one request for a run, and a request that comes before the statement has no effect.
        while (!cancelled(one)) {}
        check(one.getMetaData().getColumns(null, null, "notes", "body").next(), "the column's description");
    }

    static boolean cancelled(Connection one) throws Exception {
        try (Statement statement = one.createStatement()) {
            CompletableFuture<Boolean> sleeping = CompletableFuture.supplyAsync(() -> {
                try {
                    statement.execute("SELECT pg_sleep(2)");
                    return false;
                } catch (SQLException error) {
                    if ("57014".equals(error.getSQLState())) return true;
                    throw new RuntimeException(error);
                }
            });
            while (!sleeping.isDone()) {
                statement.cancel();
                try {
                    sleeping.get(50, TimeUnit.MILLISECONDS);
                } catch (java.util.concurrent.TimeoutException again) {
                    continue;
                }
            }
            return sleeping.get();
        }
    }

    static void notifications(Connection one, String model) throws Exception {
        if (!model.equals("database")) {
            // It could be meant for another tenant.
            for (var sql : new String[] {"LISTEN news", "NOTIFY news, 'hello'"}) {
                fails("0A000", () -> execute(one, sql));
            }
            return;
        }
        execute(one, "LISTEN news");
        execute(one, "NOTIFY news, 'hello'");
        var heard = one.unwrap(PGConnection.class).getNotifications();
        check(heard.length == 1 && heard[0].getParameter().equals("hello"), Arrays.toString(heard));
        execute(one, "UNLISTEN *");
    }
}
