"""Options of Kafka's clients: one spelling for both, the C library's (librdkafka) and Java's (Spark's).

``BRAIN_KAFKA_OPTIONS`` uses librdkafka's spelling, in which user and certificates are plain values, and is passed
through to it. Java needs the user as a line of JAAS configuration and certificates as stores; both are translated here.
Options in Java's spelling go to Spark only, options that both know go to both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

#: Limit for an answer of a broker that should be running.
ANSWER_SECONDS = 30
#: Java's own: librdkafka refuses them.
_JAVA_ONLY = ("sasl.jaas.config", "ssl.truststore.", "ssl.keystore.")
#: librdkafka's own, and Java's name for the same.
_RENAMED = {"sasl.mechanisms": "sasl.mechanism", "ssl.ca.location": "ssl.truststore.location"}
_LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def client_options(bootstrap: str, options: Mapping[str, str]) -> dict[str, str | int | float | bool]:
    """Configuration of a librdkafka client (confluent-kafka).

    >>> client_options("k:9092", {"sasl.username": "brain", "ssl.truststore.type": "PEM"})
    {'bootstrap.servers': 'k:9092', 'sasl.username': 'brain'}
    """
    known = {key: value for key, value in options.items() if not key.startswith(_JAVA_ONLY)}
    return {"bootstrap.servers": bootstrap, **known}


def spark_options(bootstrap: str, options: Mapping[str, str]) -> dict[str, str]:
    """Options of Spark's Kafka source: ``kafka.`` before each of Java's properties.

    >>> spark_options("k:9092", {"security.protocol": "SSL", "ssl.ca.location": "/ca.pem"})["kafka.ssl.truststore.type"]
    'PEM'
    """
    java = {"bootstrap.servers": bootstrap, **_java_options(options)}
    return {f"kafka.{key}": value for key, value in java.items()}


def _java_options(options: Mapping[str, str]) -> dict[str, str]:
    java = {_RENAMED.get(key, key): value for key, value in options.items()}
    user, password = java.pop("sasl.username", None), java.pop("sasl.password", None)
    module = _LOGIN_MODULES.get(java.get("sasl.mechanism", ""))
    if module and user is not None and password is not None:
        login = f"{module} required username={json.dumps(user)} password={json.dumps(password)};"
        java.setdefault("sasl.jaas.config", login)
    if "ssl.ca.location" in options:
        java.setdefault("ssl.truststore.type", "PEM")
    return java


def partitions_of(bootstrap: str, options: Mapping[str, str], topic: str) -> list[int]:
    """Numbers of a topic's partitions; empty for a topic that the broker does not have."""
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(client_options(bootstrap, options))
    return sorted(admin.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions)
