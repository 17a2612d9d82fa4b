"""The schema table against the descriptors of the installed SDK."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from wandb.proto import wandb_internal_pb2 as pb

from postrun.sources.wandb_local.schema import MESSAGES, RECORD

KINDS = {
    FieldDescriptor.TYPE_STRING: "str",
    FieldDescriptor.TYPE_INT32: "int",
    FieldDescriptor.TYPE_INT64: "int",
    FieldDescriptor.TYPE_UINT32: "int",
    FieldDescriptor.TYPE_UINT64: "int",
    FieldDescriptor.TYPE_ENUM: "int",
    FieldDescriptor.TYPE_SINT64: "sint",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_DOUBLE: "double",
}


def kind_of(field: FieldDescriptor) -> str:
    kind = field.message_type.name if field.message_type else KINDS[field.type]
    return f"{kind}*" if field.is_repeated else kind


@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_message(message: str) -> None:
    full = "google.protobuf.Timestamp" if message == "Timestamp" else f"wandb_internal.{message}"
    descriptor = descriptor_pool.Default().FindMessageTypeByName(full)
    for number, (name, kind) in MESSAGES[message].items():
        field = descriptor.fields_by_number[number]
        assert (field.name, kind_of(field)) == (name, kind)


def test_record() -> None:
    fields = pb.Record.DESCRIPTOR.fields_by_number
    assert {number: fields[number].name for number in RECORD} == RECORD
