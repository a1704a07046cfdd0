"""The ClickHouse engine (chdb) behind ClickHouse's own HTTP interface (https://clickhouse.com/docs/interfaces/http)."""
