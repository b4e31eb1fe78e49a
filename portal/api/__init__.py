"""The REST API 接口 /api/v1: releases, tables and codes for programs, generated from the contracts."""
