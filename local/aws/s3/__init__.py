"""S3 over SQLite and files: durable before it answers, create-only writes atomic, memory flat however large the lake.

Written here because moto keeps every object in memory, forgets them at exit, and checks `If-None-Match: *` before it
writes, not while. Lifecycle rules, policies, CORS and encryption settings are kept and given back, not acted upon.
Object lock, select, ACLs other than the owner's, and replication answer NotImplemented.
"""
