"""Accounts, tokens, sessions and the audit log 账户与审计: who is at the door, and what they read and changed."""
