"""Vectors that others publish: each verdict is its source's, but for those listed with a reason.

Where they come from is in tests/vectors/README.md.
"""

import base64
import functools
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib import jws, keysets
from chalicelib.errors import TokenRejected
from tests.crafting import b64

VECTORS = Path(__file__).parents[1] / "vectors"

# The files of Wycheproof, by the name that JOSE has for what they sign with.
FILES = {
    "ecdsa_secp256r1_sha256_p1363": "ES256",
    "ecdsa_secp384r1_sha384_p1363": "ES384",
    "ecdsa_secp521r1_sha512_p1363": "ES512",
    "ed25519": "EdDSA",
    "rsa_signature_2048_sha256": "RS256",
    "rsa_signature_2048_sha384": "RS384",
    "rsa_signature_2048_sha512": "RS512",
    "rsa_signature_8192_sha256": "RS256",
    "rsa_pss_2048_sha256_mgf1_32": "PS256",
    "rsa_pss_2048_sha256_mgf1_0": "PS256",
    "rsa_pss_2048_sha384_mgf1_48": "PS384",
    "rsa_pss_4096_sha512_mgf1_64": "PS512",
}

SALT = "RFC 7518 section 3.5: the salt is as long as the hash; this file's is empty"
ORDER = (
    "Wycheproof calls it acceptable: only who publishes such a key could gain by it, and who "
    "publishes the keys can sign whatever he likes"
)
# Wycheproof's tcIds that are judged otherwise here: what is said here, and why.
JUDGED_OTHERWISE: Mapping[str, Mapping[int, tuple[bool, str]]] = {
    "ed25519": dict.fromkeys([*range(152, 181)], (True, ORDER)),
    "rsa_pss_2048_sha256_mgf1_0": {
        **dict.fromkeys([*range(1, 62)], (False, SALT)),
        69: (True, "Its salt is 32 bytes long, as PS256 wants it"),
    },
}

COMPACT = "a bearer token has no JSON serialization"
HMAC = "who verifies by HMAC could sign as well"
# Signatures that their source calls valid and that are refused here: with which code, and why.
REFUSED: Mapping[str, tuple[str, str]] = {
    "RFC 7515 A.1 HS256": ("signature_invalid", HMAC),
    "RFC 7515 A.5 none": ("signature_invalid", "nobody signed it"),
    "RFC 7515 A.6 general JSON": ("token_malformed", COMPACT),
    "RFC 7515 A.7 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.1 RS256 general JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.1 RS256 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.2 PS384 general JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.2 PS384 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.3 ES512 general JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.3 ES512 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.4 HS256": ("signature_invalid", HMAC),
    "RFC 7520 4.4 HS256 general JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.4 HS256 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.5 detached": ("signature_invalid", HMAC),
    "RFC 7520 4.6 general JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.6 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.7 general JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.7 flattened JSON": ("token_malformed", COMPACT),
    "RFC 7520 4.8 general JSON": ("token_malformed", COMPACT),
    "RFC 7797 4.1 HS256": ("signature_invalid", HMAC),
    "RFC 7797 4.2 HS256 with b64=false": ("token_malformed", "b64 and crit are not spoken"),
    **{
        f"joserfc {file} {algorithm}": ("signature_invalid", HMAC)
        for file in ("jwt_use_jws", "jws_examples")
        for algorithm in ("HS256", "HS384", "HS512")
    },
    **{
        f"joserfc jws_examples {algorithm} {form} JSON": ("token_malformed", COMPACT)
        for algorithm in ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512")
        for form in ("general", "flattened")
    },
}
# Keys that their source lets verify, and that verify nothing here.
UNUSED = {
    "RFC 7517 A.3 oct 2": HMAC,
    "RFC 7520 3.5 MAC": HMAC,
}


@functools.cache
def wycheproof() -> Mapping[str, Any]:
    """Return each file of the archive by its name."""
    with tarfile.open(VECTORS / "wycheproof.tar.xz") as archive:
        members = [each for each in archive if each.name.endswith("_test.json")]
        files = {Path(each.name).name: archive.extractfile(each) for each in members}
        return {
            name.removesuffix("_test.json"): json.load(file)
            for name, file in files.items()
            if file is not None
        }


@functools.cache
def jose() -> Any:
    return json.loads((VECTORS / "jose.json").read_text(encoding="utf-8"))


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unsigned(digits: str) -> str:
    """Return hexadecimal *digits* as a JWK writes a number."""
    return b64(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)).lstrip(b"\0"))


def group_jwk(group: Any) -> dict[str, str]:
    """Return the group's key as JWK; some groups give its numbers only."""
    if given := group.get("publicKeyJwk") or group.get("keyJwk"):
        return dict(given)
    numbers = group["publicKey"]
    if "modulus" in numbers:
        modulus, exponent = unsigned(numbers["modulus"]), unsigned(numbers["publicExponent"])
        return {"kty": "RSA", "n": modulus, "e": exponent}
    if "pk" in numbers:
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(bytes.fromhex(numbers["pk"]))}
    curve = numbers["curve"].replace("secp", "P-").removesuffix("r1")
    point = bytes.fromhex(numbers["uncompressed"])[1:]
    middle = len(point) // 2
    return {"kty": "EC", "crv": curve, "x": b64(point[:middle]), "y": b64(point[middle:])}


def verdict(jwk: dict[str, str], algorithm: str, test: Any) -> bool:
    """Return whether the signature is taken, with the key as an issuer would publish it."""
    try:
        key = keysets.parse({"keys": [jwk]}).find(jwk.get("kid"))
    except TokenRejected:
        return False
    return key.verifies(algorithm, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))


@pytest.mark.parametrize("name", FILES)
def test_a_signature_of_wycheproofs_is_judged_as_wycheproof_says(name: str) -> None:
    file = wycheproof()[name]

    judged = {
        test["tcId"]: (verdict(group_jwk(group), FILES[name], test), test["result"])
        for group in file["testGroups"]
        for test in group["tests"]
    }

    otherwise = {tc: said for tc, (said, result) in judged.items() if said != (result == "valid")}
    assert len(judged) == file["numberOfTests"]
    assert otherwise == {tc: said for tc, (said, _) in JUDGED_OTHERWISE.get(name, {}).items()}


def taken(vector: Any) -> bytes:
    key = vector["key"]
    keys = keysets.parse({"keys": [] if key is None else [key]})
    return jws.verify_signature(vector["token"], keys)


@pytest.mark.parametrize(
    "vector",
    [each for each in jose()["signatures"] if each["valid"] and each["id"] not in REFUSED],
    ids=lambda vector: vector["id"],
)
def test_a_valid_signature_of_an_rfc_or_of_another_library_is_taken(vector: Any) -> None:
    assert taken(vector) == decoded(vector["payload"])


@pytest.mark.parametrize(
    "vector",
    [each for each in jose()["signatures"] if not each["valid"] or each["id"] in REFUSED],
    ids=lambda vector: vector["id"],
)
def test_an_invalid_signature_and_a_listed_one_are_refused(vector: Any) -> None:
    code, _ = REFUSED.get(vector["id"], ("token_malformed", ""))

    with pytest.raises(TokenRejected, check=lambda error: error.code == code):
        taken(vector)


def test_a_key_of_an_rfc_verifies_what_the_rfc_lets_it_unless_it_is_listed() -> None:
    verifying = {each["id"] for each in jose()["keys"] if each["verifies"]}

    usable = {each["id"] for each in jose()["keys"] if len(keysets.parse({"keys": [each["jwk"]]}))}

    assert verifying - usable == UNUSED.keys()
    assert usable <= verifying


def test_no_vector_is_missing_and_each_that_is_judged_otherwise_has_a_reason() -> None:
    signatures = jose()["signatures"]
    reasons = [why for listed in JUDGED_OTHERWISE.values() for _, why in listed.values()]

    assert wycheproof().keys() == FILES.keys()
    assert sum(file["numberOfTests"] for file in wycheproof().values()) == 2635
    assert len(reasons) == 91
    assert (len(signatures), len(REFUSED), len(jose()["keys"])) == (53, 39, 15)
    assert REFUSED.keys() <= {each["id"] for each in signatures}
    assert all([*reasons, *UNUSED.values(), *(why for _, why in REFUSED.values())])
