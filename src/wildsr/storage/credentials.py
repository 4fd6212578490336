"""Credentials of object stores as each provider's own tools find them, and clear errors where there are none.

If obstore finds no other credentials, it asks the metadata service of the provider's machines. If that does not answer,
the errors are about the service, so it is tried here first.
"""

import configparser
import contextlib
import errno
import os
import socket
from pathlib import Path

_METADATA_SERVICE = ("169.254.169.254", 80)
_AWS_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
)
_GOOGLE_VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
)
_GCLOUD = "~/.config/gcloud/application_default_credentials.json"
_AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"


def aws_settings() -> dict[str, str]:
    """Credentials and region of the AWS profile, where the environment has none.

    Raises:
        PermissionError: there are no credentials, neither here nor from a metadata service.
    """
    environ = os.environ
    settings = {}
    if not environ.get("AWS_REGION"):
        settings["region"] = environ.get("AWS_DEFAULT_REGION") or _aws_profile().get("region") or "us-east-1"
    if _on("AWS_SKIP_SIGNATURE") or any(environ.get(name) for name in _AWS_VARIABLES):
        return settings
    profile = _aws_profile()
    names = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}
    if all(profile.get(name) for name in names.values()):
        settings |= {key: profile[name] for key, name in names.items()}
        if profile.get("aws_session_token"):
            settings["session_token"] = profile["aws_session_token"]
    elif _on("AWS_EC2_METADATA_DISABLED") or not _answers(_METADATA_SERVICE):
        raise PermissionError(
            errno.EACCES,
            "there are no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
            "AWS_SKIP_SIGNATURE=true for a public bucket",
        )
    return settings


def _aws_profile() -> dict[str, str]:
    """The profile of ``AWS_PROFILE`` in the files of the AWS command line."""
    name = os.environ.get("AWS_PROFILE") or "default"
    found: dict[str, str] = {}
    for variable, usual, section in (
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    ):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            parser.read(os.environ.get(variable) or Path(usual).expanduser(), encoding="utf-8")
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def require_google() -> None:
    """Raise ``PermissionError`` when there are no credentials of Google Cloud, neither here nor from its machines."""
    given = any(os.environ.get(name) for name in _GOOGLE_VARIABLES) or _on("GOOGLE_SKIP_SIGNATURE")
    if not given and not Path(_GCLOUD).expanduser().exists() and not _answers(_METADATA_SERVICE):
        raise PermissionError(
            errno.EACCES,
            "there are no credentials for Google Cloud Storage; set GOOGLE_APPLICATION_CREDENTIALS, or run "
            "'gcloud auth application-default login', or set GOOGLE_SKIP_SIGNATURE=true for a public bucket",
        )


def require_azure() -> None:
    """Raise ``PermissionError`` when the account of Azure is not named, or there are no credentials for it."""
    if _on("AZURE_STORAGE_USE_EMULATOR"):
        return
    if not os.environ.get(_AZURE_ACCOUNT):
        raise PermissionError(
            errno.EACCES, "az:// names a container; set AZURE_STORAGE_ACCOUNT_NAME to its storage account"
        )
    # There are some thirty: keys, tokens, identities, the command line of Azure, public containers.
    given = any(
        name.startswith(("AZURE_", "IDENTITY_")) and value and name != _AZURE_ACCOUNT
        for name, value in os.environ.items()
    )
    if not given and not _answers(_METADATA_SERVICE):
        raise PermissionError(
            errno.EACCES,
            "there are no credentials for Azure; set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or "
            "AZURE_USE_AZURE_CLI=true after 'az login', or AZURE_SKIP_SIGNATURE=true for a public container",
        )


def _on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() == "true"
