"""What every simulated provider shares: HTTP server, fault injection, ledger, rate limit, control endpoints."""
