"""Readers: a sender's file becomes records of text cells."""
