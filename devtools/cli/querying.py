"""`devtools query`, `schema`, `ping`: ask with GraphQL. Answers on stdout, messages on stderr."""

import json
import sys
from typing import Any

import click

from devtools.cli.endpoints import AnswerError, Target, answering, ask, ping, target_options
from devtools.cli.terminal import say
from devtools.errors import UnavailableError, ValidationError

FORMATS = ("data", "json", "pretty")


@click.command("query", short_help="Run a GraphQL query.")
@click.argument("query", metavar="GRAPHQL")
@target_options
@click.option("--variables", metavar="JSON", help="Variables of the query.")
@click.option("--operation", metavar="NAME", help="Which operation of the document to run.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="pretty",
    show_default=True,
    help="data: `data` alone; json: the response.",
)
@click.option("--allow-mutations", is_flag=True, help="Let the query change something.")
def query_command(
    query: str,
    variables: str | None,
    operation: str | None,
    form: str,
    allow_mutations: bool,
    **named: str | None,
) -> None:
    """Run GRAPHQL, or the document on standard input where it is `-`. Exit code 1 when the answer has errors."""
    document = sys.stdin.read() if query == "-" else query
    if not document.strip():
        raise ValidationError(
            "The query is empty. Pass GraphQL, or - with a document on standard input.", field="query"
        )
    _refuse_mutations(document, allow_mutations)
    target = Target.of(named, allow_mutations=allow_mutations)
    asked = _parse_variables(variables)
    with answering(target) as answer:
        response = answer(document, asked, operation)
    _print(response, form)
    if response.get("errors"):
        sys.exit(1)


def _print(response: dict[str, Any], form: str) -> None:  # Any: JSON
    for error in response.get("errors") or ():
        say(f"devtools: {error['message']}{_place(error)}", err=True)
    if form == "json":
        say(json.dumps(response, ensure_ascii=False))
    elif response.get("data") is not None:
        say(json.dumps(response["data"], ensure_ascii=False, indent=2 if form == "pretty" else None))


def _place(error: dict[str, Any]) -> str:  # Any: JSON
    """` (line 3, column 5)`: where the query is wrong; nothing for what failed while it ran."""
    if error.get("path") or not error.get("locations"):
        return ""
    place = error["locations"][0]
    return f" (line {place['line']}, column {place['column']})"


def _parse_variables(text: str | None) -> dict[str, Any] | None:  # Any: JSON
    if text is None:
        return None
    try:
        variables = json.loads(text)
    except ValueError as error:
        raise ValidationError(f"--variables is not JSON: {error}.", field="variables", value=text) from error
    if not isinstance(variables, dict):
        raise ValidationError(
            '--variables must be a JSON object like {"name": "value"}.', field="variables", value=text
        )
    return variables  # type: ignore[reportUnknownVariableType] # JSON


def _refuse_mutations(document: str, allowed: bool) -> None:
    if allowed:
        return
    from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

    try:
        definitions = parse(document).definitions
    except GraphQLError:
        return  # the answer says what is wrong, and where
    operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
    if any(node.operation is OperationType.MUTATION for node in operations):
        raise ValidationError("This changes something. Pass --allow-mutations to run it.", field="query")


@click.group("schema", short_help="Print the GraphQL schema.")
def schema_command() -> None:
    """Print the GraphQL schema of devtools: as SDL, or as the answer to the introspection query."""


@schema_command.command("sdl")
@target_options
def sdl_command(**named: str | None) -> None:
    """Print the schema in the schema definition language: of a target, or of this version where none is given."""
    from graphql import build_client_schema, print_schema

    say(print_schema(build_client_schema(_introspection(Target.of(named)))))


@schema_command.command("json")
@target_options
def json_command(**named: str | None) -> None:
    """Print the answer to the introspection query: of a target, or of this version where none is given."""
    found = _introspection(Target.of(named))
    say(json.dumps({"data": found}, indent=2))


def _introspection(target: Target) -> Any:  # Any: JSON, typed by graphql-core as it likes
    from graphql import get_introspection_query, introspection_from_schema

    from devtools.graphql.schema import schema

    if not target.is_given:
        return introspection_from_schema(schema())
    try:
        with answering(target) as answer:
            return {"__schema": ask(answer, get_introspection_query(specified_by_url=True))["__schema"]}
    except AnswerError as error:
        raise UnavailableError(f"The schema cannot be read: {error}") from error


@click.command("ping", short_help="Ask whether a devtools answers.")
@target_options
def ping_command(**named: str | None) -> None:
    """Ask whether a devtools answers. Exit code 1 when it does not."""
    target = Target.of(named)
    with answering(target) as answer:
        found = ping(answer, target.endpoint or target.database or target.entry or "")
    say(f"devtools {found.version}: store {found.store}, structure {found.structure}")
