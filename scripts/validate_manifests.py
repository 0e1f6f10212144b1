"""Holds rendered manifests to the schemas of one release of Kubernetes, and to what this project promises of them.

    validate_manifests.py RELEASE FILE

No field that the schema does not know passes. Kinds that Kubernetes itself does not have are left to scripts/manifests.
"""

import sys

import kubernetes_validate
import yaml

# The grace that `sync.shutdown_deadline` asks for by default, in seconds.
SHUTDOWN_DEADLINE = 25


def main(release: str, file: str) -> int:
    with open(file) as text:
        documents = list(yaml.safe_load_all(text))
    mistakes = [mistake for document in documents for mistake in judge(document, release)]
    kinds = {document["kind"] for document in documents}
    mistakes += [f"there is no {kind}" for kind in ("Deployment", "NetworkPolicy", "ConfigMap") if kind not in kinds]
    for mistake in mistakes:
        print(f"{file}, Kubernetes {release}: {mistake}", file=sys.stderr)
    return 1 if mistakes else 0


def judge(document: dict, release: str) -> list[str]:
    name = f"{document['kind']} {document['metadata']['name']}"
    if document["apiVersion"].startswith("monitoring.coreos.com/"):
        return []
    try:
        kubernetes_validate.validate(document, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return [f"{name}: {where}: {error.message}"]
    return [f"{name}: {mistake}" for mistake in promises(document)]


def promises(document: dict) -> list[str]:
    """What no schema asks for, as mistakes."""
    if document["kind"] == "Secret":
        return ["a secret in the repository: refer to one by name"]
    if document["kind"] != "Deployment":
        return []
    spec = document["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    held = {
        "one writer, and the old one ends first": spec["replicas"] == 1 and spec["strategy"] == {"type": "Recreate"},
        "longer than the shutdown": pod["terminationGracePeriodSeconds"] >= SHUTDOWN_DEADLINE + 5,
        "the image's user": pod["securityContext"]["runAsUser"] == 65532,
        "a root that nobody writes": container["securityContext"].get("readOnlyRootFilesystem") is True,
        "a pinned image": ":" in container["image"] and not container["image"].endswith(":latest"),
        "health on its own paths": (path(container, "livenessProbe"), path(container, "readinessProbe"))
        == ("/livez", "/readyz"),
        "a bound on memory": "memory" in container["resources"]["limits"],
        "no secret by value": not any("SECRET" in each["name"] and not each["name"].endswith("_FILE") for each in container["env"]),
    }
    return [f"not held: {promise}" for promise, holds in held.items() if not holds]


def path(container: dict, probe: str) -> str:
    return container.get(probe, {}).get("httpGet", {}).get("path", "")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
