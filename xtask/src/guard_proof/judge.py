"""Holds SQL files against what the window guard may recognise, in PostgreSQL's own tree.

With the argument `keywords`, prints those of the grammar. Otherwise reads from standard input: a file is
its length in bytes, four of them, low byte first, and then its text. Prints one JSON document at the end:
what was counted, of each kind of statement that the guard may recognise how many it did, and the files that
hold anything else.
"""

import json
import struct
import sys

import pglast
from pglast import keywords
from pglast.parser import ParseError, parse_sql_json

PLACE = {"location", "stmt_location", "stmt_len", "rexpr_list_start", "rexpr_list_end",
         "list_start", "list_end"}

# Every node that may occur, with the fields that may be set.
NODES = {
    "RawStmt": {"stmt"},
    "CreateStmt": {"relation", "tableElts", "oncommit", "if_not_exists"},
    "AlterTableStmt": {"relation", "cmds", "objtype", "missing_ok"},
    "AlterTableCmd": {"subtype", "def", "behavior", "missing_ok"},
    "IndexStmt": {"idxname", "relation", "accessMethod", "indexParams", "concurrent",
                  "if_not_exists"},
    "CreateSchemaStmt": {"schemaname", "if_not_exists"},
    "CreateSeqStmt": {"sequence", "if_not_exists"},
    "CreateEnumStmt": {"typeName", "vals"},
    "InsertStmt": {"relation", "cols", "selectStmt", "onConflictClause", "override"},
    "SelectStmt": {"valuesLists", "limitOption", "op"},
    "OnConflictClause": {"action"},
    "CommentStmt": {"objtype", "object", "comment"},
    "GrantStmt": {"is_grant", "targtype", "objtype", "objects", "privileges", "grantees",
                  "behavior"},
    "VariableSetStmt": {"kind", "name", "args", "is_local", "jumble_args"},
    "RangeVar": {"catalogname", "schemaname", "relname", "inh", "relpersistence"},
    "ColumnDef": {"colname", "typeName", "is_local", "constraints"},
    "Constraint": {"contype", "conname", "raw_expr", "keys", "pktable", "fk_attrs", "pk_attrs",
                   "fk_matchtype", "fk_upd_action", "fk_del_action", "generated_when",
                   "initially_valid", "is_enforced"},
    "TypeName": {"names", "typmods", "typemod", "arrayBounds"},
    "TypeCast": {"arg", "typeName"},
    "FuncCall": {"funcname", "funcformat"},
    "SQLValueFunction": {"op", "typmod"},
    "A_Const": {"ival", "fval", "sval", "boolval", "isnull"},
    "IndexElem": {"name", "ordering", "nulls_ordering"},
    "ResTarget": {"name"},
    "RoleSpec": {"roletype", "rolename"},
    "AccessPriv": {"priv_name", "cols"},
    "List": {"items"},
    "String": {"sval"},
    "Integer": {"ival"},
}

STATEMENTS = {"CreateStmt", "AlterTableStmt", "IndexStmt", "CreateSchemaStmt", "CreateSeqStmt",
              "CreateEnumStmt", "InsertStmt", "CommentStmt", "GrantStmt", "VariableSetStmt"}

TYPES = set("""bit bool box bpchar bytea cidr circle date daterange float4 float8 inet int2 int4
    int4range int8 int8range interval json jsonb jsonpath line lseg macaddr macaddr8 money name
    numeric numrange oid path pg_lsn point polygon text time timestamp timestamptz timetz tsquery
    tsrange tstzrange tsvector uuid varbit varchar xid8 xml char""".split())
SERIALS = {"bigserial", "serial", "serial2", "serial4", "serial8", "smallserial"}

# What a field of a node may hold, where it decides something.
VALUES = {
    ("AlterTableStmt", "objtype"): {"OBJECT_TABLE"},
    ("AlterTableCmd", "subtype"): {"AT_AddColumn"},
    ("AlterTableCmd", "behavior"): {"DROP_RESTRICT"},
    ("CreateStmt", "oncommit"): {"ONCOMMIT_NOOP"},
    ("IndexStmt", "concurrent"): {True},
    ("IndexStmt", "accessMethod"): {"btree", "hash", "gin", "gist", "brin", "spgist"},
    ("InsertStmt", "override"): {"OVERRIDING_NOT_SET"},
    ("SelectStmt", "op"): {"SETOP_NONE"},
    ("SelectStmt", "limitOption"): {"LIMIT_OPTION_DEFAULT"},
    ("OnConflictClause", "action"): {"ONCONFLICT_NOTHING"},
    ("CommentStmt", "objtype"): {"OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_INDEX", "OBJECT_SCHEMA",
                                 "OBJECT_SEQUENCE", "OBJECT_TYPE", "OBJECT_VIEW"},
    ("GrantStmt", "is_grant"): {True},
    ("GrantStmt", "targtype"): {"ACL_TARGET_OBJECT"},
    ("GrantStmt", "objtype"): {"OBJECT_TABLE", "OBJECT_SEQUENCE", "OBJECT_SCHEMA"},
    ("VariableSetStmt", "kind"): {"VAR_SET_VALUE"},
    ("VariableSetStmt", "name"): {"lock_timeout", "statement_timeout",
                                  "idle_in_transaction_session_timeout"},
    ("RangeVar", "relpersistence"): {"p"},
    ("SQLValueFunction", "op"): {"SVFOP_CURRENT_TIMESTAMP", "SVFOP_CURRENT_DATE",
                                 "SVFOP_LOCALTIMESTAMP"},
    ("RoleSpec", "roletype"): {"ROLESPEC_CSTRING", "ROLESPEC_PUBLIC"},
}

# Constraints of a column that joins an existing table, and of a new table.
ADDED = {"CONSTR_DEFAULT", "CONSTR_NULL"}
NEW = ADDED | {"CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_FOREIGN",
               "CONSTR_IDENTITY"}


class Finding(Exception):
    """Something that the guard must not recognise."""


def of_the_system(name):
    return name.lower().startswith(("pg_", "information_schema"))


def nodes(value):
    """The nodes of a tree, each with its kind and its fields; only known ones are let through."""
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)
    elif isinstance(value, dict):
        for kind, fields in value.items():
            if kind not in NODES:
                raise Finding(f"a node {kind}")
            yield from node(kind, fields)


# The fields whose value is the fields of a node of this kind, without its name around them.
BARE = {"relation": "RangeVar", "sequence": "RangeVar", "pktable": "RangeVar",
        "typeName": "TypeName", "onConflictClause": "OnConflictClause"}


def node(kind, fields):
    yield kind, fields
    for field, value in fields.items():
        if field in PLACE:
            continue
        if field not in NODES[kind]:
            raise Finding(f"{kind} with {field}")
        allowed = VALUES.get((kind, field))
        if allowed is not None and value not in allowed:
            raise Finding(f"{kind} whose {field} is {value}")
        if kind == "A_Const" or isinstance(value, (str, int, bool)):
            continue
        if field in BARE and kind != "CreateEnumStmt":
            yield from node(BARE[field], value)
        else:
            yield from nodes(value)


def strings(items):
    return [item["String"]["sval"] for item in items]


def check_type(fields, serial):
    names = strings(fields["names"])
    own = TYPES | (SERIALS if serial else set())
    if names[:-1] not in ([], ["pg_catalog"]) or names[-1] not in own:
        raise Finding(f"the type {'.'.join(names)}")
    for size in fields.get("typmods", []):
        if set(size) != {"A_Const"} and names[-1] != "interval":
            raise Finding("a size that is no constant")


def check_value(value):
    (kind, fields), = value.items()
    if kind == "TypeCast":
        (kind, _), = fields["arg"].items()
        if kind != "A_Const":
            raise Finding(f"a cast of {kind}")
    elif kind == "FuncCall":
        if strings(fields["funcname"]) != ["now"]:
            raise Finding(f"a call of {fields['funcname']}")
    elif kind not in ("A_Const", "SQLValueFunction"):
        raise Finding(f"the value {kind}")


def check(statement):
    (kind, fields), = statement.items()
    if kind not in STATEMENTS:
        raise Finding(f"a statement {kind}")
    new_table = kind == "CreateStmt"
    for kind_of, found in nodes(statement):
        if kind_of == "ColumnDef":
            check_type(found["typeName"], serial=new_table)
        elif kind_of == "TypeCast":
            check_type(found["typeName"], serial=False)
        elif kind_of == "Constraint":
            if found["contype"] not in (NEW if new_table else ADDED):
                raise Finding(f"{kind} with {found['contype']}")
            if "raw_expr" in found:
                check_value(found["raw_expr"])
        elif kind_of == "RangeVar":
            for name in ("catalogname", "schemaname", "relname"):
                if of_the_system(found.get(name, "")):
                    raise Finding(f"the system's {found[name]}")
        elif kind_of == "SelectStmt":
            for row in found["valuesLists"]:
                for value in row["List"]["items"]:
                    check_value(value)
        elif kind_of == "IndexElem" and "name" not in found:
            raise Finding("an index on an expression")
    if kind == "IndexStmt" and not fields.get("concurrent"):
        raise Finding("an index whose build blocks writers")
    if kind == "GrantStmt" and not fields.get("is_grant"):
        raise Finding("REVOKE")
    return kind


def main():
    if sys.argv[1:] == ["keywords"]:
        print(json.dumps(sorted(keywords.RESERVED_KEYWORDS | keywords.UNRESERVED_KEYWORDS
                                | keywords.COL_NAME_KEYWORDS | keywords.TYPE_FUNC_NAME_KEYWORDS)))
        return
    read, refused, findings, statements = 0, 0, [], dict.fromkeys(STATEMENTS, 0)
    source = sys.stdin.buffer
    while header := source.read(4):
        sql = source.read(struct.unpack("<I", header)[0]).decode()
        try:
            tree = json.loads(parse_sql_json(sql))
        except ParseError:
            refused += 1
            continue
        read += 1
        try:
            for statement in tree.get("stmts", []):
                kind = check(statement["stmt"])
                statements[kind] += 1
        except Finding as finding:
            findings.append((str(finding), sql))
        except Exception as error:
            findings.append((f"a tree of another shape: {error!r}", sql))
    print(json.dumps({"parser": ".".join(map(str, pglast.get_postgresql_version())), "read": read,
                      "refused": refused, "statements": statements, "findings": findings}))


main()
