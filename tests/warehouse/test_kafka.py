"""One spelling of the options for both kinds of Kafka client."""

from __future__ import annotations

import pytest

from warehouse.kafka import client_options, spark_options
from warehouse.settings import Settings

OPTIONS = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "brain",
    "sasl.password": 'se"cret',
    "ssl.ca.location": "/etc/ca.pem",
}


def test_librdkafka_gets_options_unchanged() -> None:
    assert client_options("k:9093", OPTIONS) == {"bootstrap.servers": "k:9093", **OPTIONS}


def test_java_gets_translated_options() -> None:
    assert spark_options("k:9093", OPTIONS) == {
        "kafka.bootstrap.servers": "k:9093",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required"
        ' username="brain" password="se\\"cret";',
        "kafka.ssl.truststore.location": "/etc/ca.pem",
        "kafka.ssl.truststore.type": "PEM",
    }


def test_options_in_javas_spelling_go_to_spark_only() -> None:
    own = {"sasl.jaas.config": "X required;", "ssl.keystore.location": "/k.jks"}
    assert client_options("k:9093", own) == {"bootstrap.servers": "k:9093"}
    assert spark_options("k:9093", own) == {
        "kafka.bootstrap.servers": "k:9093",
        "kafka.sasl.jaas.config": "X required;",
        "kafka.ssl.keystore.location": "/k.jks",
    }


def test_settings_pass_options_on_to_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Settings(kafka="k:9093", kafka_options=OPTIONS).environment().items():
        monkeypatch.setenv(name, value)
    assert (Settings().kafka, Settings().kafka_options) == ("k:9093", OPTIONS)
