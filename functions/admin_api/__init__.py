"""The administrators' API. On Lambda behind an HTTP API, or under uvicorn."""
