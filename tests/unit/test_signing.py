"""Signed images: a manifest that a reader checks, and refusals before any work."""

from __future__ import annotations

import datetime
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from ganvas import images
from ganvas.cli.app import app
from ganvas.errors import MissingExtra, UsageError
from ganvas.images import provenance, signing
from ganvas.images.films import write_film
from refusals import refuses

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


def certified(curve, tmp_path):
    """A certificate for signing by an authority of its own, and its key: PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text):
        attribute = x509.NameAttribute
        return x509.Name([attribute(x509.NameOID.COMMON_NAME, text),
                          attribute(x509.NameOID.ORGANIZATION_NAME, "Example GmbH")])  # fmt: skip

    def usage(**on):
        names = (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        )  # fmt: skip
        return x509.KeyUsage(**{one: on.get(one, False) for one in names})

    keys = [ec.generate_private_key(curve()) for _ in range(2)]
    now = datetime.datetime.now(datetime.UTC)
    made = []
    for number, (subject, issuer) in enumerate([("Root", "Root"), ("Operator", "Root")]):
        own = keys[number].public_key()
        builder = (
            x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
            .public_key(own).serial_number(number + 1)
            .not_valid_before(now - datetime.timedelta(1))
            .not_valid_after(now + datetime.timedelta(9))
            .add_extension(x509.BasicConstraints(ca=not number, path_length=None), critical=True)
            .add_extension(
                usage(digital_signature=True) if number else usage(key_cert_sign=True), True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False
            )
        )  # fmt: skip
        if number:
            purpose = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=True)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    pem = serialization.Encoding.PEM
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.write_bytes(made[1].public_bytes(pem) + made[0].public_bytes(pem))
    plain = serialization.NoEncryption()
    key.write_bytes(keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return certificate, key


@pytest.fixture
def signer(tmp_path, monkeypatch):
    pytest.importorskip("c2pa")
    from cryptography.hazmat.primitives.asymmetric import ec

    certificate, key = certified(ec.SECP384R1, tmp_path)
    monkeypatch.setenv(signing.CERTIFICATE, str(certificate))
    monkeypatch.setenv(signing.KEY, str(key))
    return certificate, key


@pytest.mark.parametrize("kind", ["png", "gif", "webp"])
def test_a_signed_image_is_valid_until_a_pixel_changes(kind, signer, tmp_path):
    path = tmp_path / f"image.{kind}"
    if kind == "png":
        images.write_png(path, FRAMES[0], synthetic=True)
        np.testing.assert_array_equal(images.read(path), FRAMES[0])
    else:
        write_film(path, FRAMES, 1.0)
    assert provenance.read(path).generated
    said = signing.found(path)
    assert said == {"signature": "valid", "signed by": "Operator, Example GmbH"}
    content = bytearray(path.read_bytes())
    content[-20] ^= 1  # among the pixels
    path.write_bytes(content)
    assert signing.found(path)["signature"] in ("invalid", "cannot be read")


def test_only_generated_images_are_signed(signer, tmp_path):
    images.write_png(tmp_path / "real.png", FRAMES[0])
    assert signing.found(tmp_path / "real.png") == {}


def test_what_cannot_sign_is_refused_before_any_work(signer, tmp_path, monkeypatch):
    certificate, _ = signer
    monkeypatch.setenv(signing.KEY, str(certificate))
    with pytest.raises(UsageError, match="cannot be signed with"):  # the rest is the library's
        signing.check()
    monkeypatch.setenv(signing.KEY, str(tmp_path / "none.pem"))
    with refuses(UsageError, "none.pem cannot be read"):
        signing.check()
    monkeypatch.delenv(signing.KEY)
    with refuses(UsageError, "GANVAS_C2PA_KEY must name a PEM file"):
        signing.check()
    done = CliRunner().invoke(app, ["info", "image.png"])
    assert isinstance(done.exception, UsageError)


def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv(signing.CERTIFICATE, "a.pem")
    monkeypatch.setenv(signing.KEY, "b.pem")
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with refuses(MissingExtra, r"pip install 'ganvas[c2pa]'"):
        signing.check()
    (tmp_path / "image.png").write_bytes(b"\x89PNG c2pa")
    assert "ganvas[c2pa]" in signing.found(tmp_path / "image.png")["signature"]
