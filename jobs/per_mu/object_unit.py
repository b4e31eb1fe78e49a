"""评价对象与数据 Objects of the evaluation beyond enterprises: who is evaluated, why or why not, and the figures.

The plan extends the evaluation from enterprises to parcels, zones, industrial areas, buildings and service complexes
(宁波市制造业高质量发展“十四五”规划 五(七)5). Every object of the registers has a row; none is dropped for bad data.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table, materialised, row_id
from jobs.job import Input, Job
from jobs.per_mu.rules.objects import ObjectRules, object_rules
from jobs.per_mu.steps.objects.built import buildings, service_complexes, service_firms
from jobs.per_mu.steps.objects.land import areas, parcels, small_parks, zones
from jobs.per_mu.steps.objects.sums import (
    firms_of,
    group_sums,
    largest_division,
    memberships,
    parcel_sums,
    planned_divisions,
    users,
)
from schemas.contract import contract

TABLE = "per_mu.object_unit"
OBJECT = ("object_kind_code", "object_code", "year")


def object_unit(
    parcel: DataFrame,
    parcel_figure: DataFrame,
    zone: DataFrame,
    park: DataFrame,
    building: DataFrame,
    service_firm: DataFrame,
    service_complex: DataFrame,
    rules: ObjectRules,
) -> DataFrame:
    """One row per object and year."""
    of_users = users(parcel_figure)
    sums = materialised(parcel_sums(of_users))
    members = materialised(memberships(parcel, building, park))
    firms = materialised(firms_of(of_users, members))
    groups = materialised(group_sums(parcel, sums, firms, members))
    largest = largest_division(firms.where("object_kind_code <> 'zone'"))
    kinds = [
        parcels(parcel, sums, rules),
        zones(zone, groups, planned_divisions(firms, zone), rules),
        areas(park, groups, largest, rules, "industrial_area"),
        areas(park, groups, largest, rules, "area_part"),
        small_parks(park, groups, largest, rules),
        buildings(building, sums, rules),
        service_firms(service_firm, rules),
        service_complexes(service_complex, rules),
    ]
    objects = kinds[0]
    for kind in kinds[1:]:
        objects = objects.unionByName(kind)
    reached = parcel_figure.groupBy("year").agg(F.max("figures_as_of").alias("figures_as_of"))
    return (
        objects.join(F.broadcast(reached), "year", "left")
        .withColumn("figures_as_of", F.coalesce("figures_as_of", "year"))
        .join(rule_sets(parcel_figure.sparkSession, rules), ["ranked_in_code", "year"], "left")
        .withColumn("row_id", row_id(*OBJECT))
        .select(*contract(TABLE).column_names)
    )


def rule_sets(session: SparkSession, rules: ObjectRules) -> DataFrame:
    """The rule set of each place and year."""
    rows = [(place, year, one.id) for place, year, one in rules.items()]
    return literal_table(session, rows, "ranked_in_code string, year string, rule_set_id string")


JOB = Job(
    table=TABLE,
    transform=object_unit,
    inputs={
        "parcel": Input("core.parcel"),
        "parcel_figure": Input("per_mu.parcel_figure"),
        "zone": Input("core.zone"),
        "park": Input("core.park"),
        "building": Input("core.building"),
        "service_firm": Input("core.service_firm"),
        "service_complex": Input("core.service_complex"),
    },
    rules=object_rules,
    evidence={
        "core.parcel": {"parcel_id": "object_code", "year": "year"},
        "core.zone": {"zone_code": "object_code", "year": "year"},
        "core.park": {"park_code": "object_code", "year": "year"},
        "core.building": {"building_code": "object_code", "year": "year"},
        "core.service_firm": {"uscc": "object_code", "year": "year"},
        "core.service_complex": {"complex_code": "object_code", "year": "year"},
        "per_mu.parcel_figure": {"parcel_id": "object_code", "year": "year"},
    },
)
