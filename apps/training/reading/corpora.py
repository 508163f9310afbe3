"""Corpus recipes: how a corpus names its columns, what gives a mail its label, and what must not reach a model.

A recipe is a YAML file of the user's, or one of ``config/corpora``; the shipped ones explain every key.
"""

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError, field_validator, model_validator

from libs.common.domain.triage import Email, LabelledEmail
from libs.common.domain.value import Value
from libs.common.errors import DataError
from libs.common.features.mime import ParsedMessage, thread_of
from libs.common.sources.raw_mail import MailField, RawMail, read_mail, text_of

Field = MailField | Literal["label", "summary"]
SHIPPED = Path(__file__).parents[3] / "config" / "corpora"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A mail that is set aside, and why."""

    origin: str
    reason: str
    email: Email | None = None


class Condition(Value):
    """``matches`` (a regular expression, any case) searched in one column, or in some raw headers."""

    matches: str
    column: str | None = None
    headers: tuple[str, ...] = ()

    @field_validator("matches")
    @classmethod
    def _is_expression(cls, text: str) -> str:
        return _expression(text)

    @model_validator(mode="after")
    def _looks_somewhere(self) -> "Condition":
        if (self.column is None) == (not self.headers):
            raise ValueError("write either 'column' or 'headers'")
        return self


class LabelRule(Value):
    """The label, or the reason to set the mail aside, where the condition holds; without a condition it always does."""

    label: str | None = None
    quarantine: str | None = None
    when: Condition | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "LabelRule":
        if (self.label is None) == (self.quarantine is None):
            raise ValueError("write either 'label' or 'quarantine'")
        return self


class Hidden(Value):
    """What gives the label away: expressions cut from subject and body, and fields that are emptied."""

    subject: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    fields: tuple[Literal["sender", "recipients"], ...] = ()

    @field_validator("subject", "body")
    @classmethod
    def _are_expressions(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_expression(text) for text in texts)


class Recipe(Value):
    """How to read one corpus.

    ``columns`` maps our field names to the corpus's columns; ``labels`` are tried in order. Without rules the label is the
    ``label`` column, or the folder, mbox or Maildir that the mail lay in.
    """

    name: str
    description: str = ""
    applies_to: tuple[str, ...] = ()
    columns: dict[Field, str] = {}
    labels: tuple[LabelRule, ...] = ()
    hide: Hidden = Hidden()

    def column(self, name: Field) -> str:
        """What the corpus calls one of our fields."""
        return self.columns.get(name, name)

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """Columns without which a table can't be labelled at all."""
        if not self.labels:
            return (self.column("label"),)
        named = (rule.when.column for rule in self.labels if rule.when and rule.when.column)
        return tuple(dict.fromkeys(named))


def load_recipe(name: str) -> Recipe:
    """A shipped recipe by its name, or any by the path of its YAML file."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHIPPED / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in SHIPPED.glob("*.yaml")))
        raise DataError(f"there is no corpus recipe '{name}'", f"write one of {known}, or the path of a YAML file")
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise DataError(f"{path}: {_faults(error)}", "config/corpora/csv.yaml explains every key") from error


def recipe_for(source: str, name: str | None) -> Recipe:
    """The named recipe; else the shipped one that applies to files of this name; else plain column and folder names."""
    if name:
        return load_recipe(name)
    shipped = (load_recipe(path.stem) for path in sorted(SHIPPED.glob("*.yaml")))
    file_name = Path(source).name
    fitting = (recipe for recipe in shipped if any(fnmatch(file_name, pattern) for pattern in recipe.applies_to))
    return next(fitting, Recipe(name="plain"))


def label_mail(mail: RawMail, recipe: Recipe) -> LabelledEmail | Quarantined:
    """Parse, label and strip one mail; what can't be parsed or labelled is quarantined with the reason."""
    try:
        message = read_mail(mail, recipe.column)
    except DataError as error:
        return Quarantined(mail.origin, error.message)
    email = _strip(message.email, recipe.hide)
    label, reason = _label(mail, message, recipe)
    if reason:
        return Quarantined(mail.origin, reason, email)
    return LabelledEmail(email, label, mail.origin, text_of(mail, recipe.column("summary")))


def _label(mail: RawMail, message: ParsedMessage, recipe: Recipe) -> tuple[str, str]:
    if not recipe.labels:
        label = mail.place or text_of(mail, recipe.column("label")).strip()
        return label, "" if label else "no label"
    for rule in recipe.labels:
        if rule.when is None or _holds(rule.when, mail, message):
            return rule.label or "", rule.quarantine or ""
    return "", "no label rule applies"


def _holds(condition: Condition, mail: RawMail, message: ParsedMessage) -> bool:
    if condition.column:
        looked_at = str(mail.columns.get(condition.column, mail.place))
    else:
        looked_at = " ".join(message.header(name) for name in condition.headers)
    return re.search(condition.matches, looked_at, re.IGNORECASE) is not None


def _strip(email: Email, hide: Hidden) -> Email:
    subject, body = email.subject, email.body
    for expression in hide.subject:
        subject = re.sub(expression, "", subject, flags=re.IGNORECASE)
    for expression in hide.body:
        body = re.sub(expression, "", body, flags=re.IGNORECASE | re.MULTILINE)
    subject = " ".join(subject.split())
    by_subject = email.thread_id.startswith("subject:")
    return replace(
        email,
        subject=subject,
        body=body,
        sender="" if "sender" in hide.fields else email.sender,
        recipients=() if "recipients" in hide.fields else email.recipients,
        thread_id=thread_of(email.message_id, "", "", subject) if by_subject else email.thread_id,
    )


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from error
    return text


def _faults(error: yaml.YAMLError | ValidationError) -> str:
    if isinstance(error, yaml.YAMLError):
        return f"no YAML: {error}"
    return "; ".join(f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in error.errors())
