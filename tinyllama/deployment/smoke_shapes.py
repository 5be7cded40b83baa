"""What the answers of a deployed API must look like: the schemas of the contract that it tells."""

from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

_URI = "urn:contract"
NOT_AS_TOLD = "the answer is not what the contract says"


class Shapes:
    """The schemas of an OpenAPI 3.1 document; nothing is fetched that it may point to."""

    def __init__(self, contract: dict[str, Any]) -> None:
        self._paths = contract["paths"]
        told = DRAFT202012.create_resource(contract)
        self._registry = Registry[Any]().with_resource(_URI, told)

    def fault(self, method: str, route: str, status: int, body: Any) -> str:
        """Return what is wrong with a body, nothing where nothing is, or the contract is silent.

        It never repeats what the body holds.
        """
        operation = self._paths.get(route, {}).get(method.lower(), {})
        content = operation.get("responses", {}).get(str(status), {}).get("content", {})
        for kind in content:
            place = ("paths", route, method.lower(), "responses", str(status), "content", kind)
            pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
            schema = {"$ref": f"{_URI}#/{pointer}/schema"}
            try:
                sound = Draft202012Validator(schema, registry=self._registry).is_valid(body)
            except (Unresolvable, TypeError, ValueError):
                return "the contract does not say what the answer is"
            return "" if sound else NOT_AS_TOLD
        return ""
