"""Gets tokens as a publisher's Python program does: with azure-identity, and with msal.

Prints one line of JSON for each: which library, and the token. Settings come from the environment.
"""

import json
import os

import msal
from azure.identity import CertificateCredential, ClientSecretCredential

authority = os.environ["AUTHORITY"]
tenant = os.environ["TENANT_ID"]
client = os.environ["CLIENT_ID"]
secret = os.environ["CLIENT_SECRET"]
scope = os.environ["SCOPE"]
with open(os.environ["CERTIFICATE_FILE"]) as file:
    certificate = file.read()
with open(os.environ["KEY_FILE"]) as file:
    key = file.read()

credential = ClientSecretCredential(
    tenant, client, secret, authority=authority, disable_instance_discovery=True
)
print(json.dumps({"library": "azure-identity", "token": credential.get_token(scope).token}))

application = msal.ConfidentialClientApplication(
    client,
    client_credential=secret,
    authority=f"{authority}/{tenant}",
    instance_discovery=False,
)
answer = application.acquire_token_for_client([scope])
print(json.dumps({"library": "msal", "token": answer.get("access_token"), "error": answer.get("error_description")}))

credential = CertificateCredential(
    tenant,
    client,
    certificate_data=(key + certificate).encode(),
    authority=authority,
    disable_instance_discovery=True,
)
print(json.dumps({"library": "azure-identity, certificate", "token": credential.get_token(scope).token}))

application = msal.ConfidentialClientApplication(
    client,
    client_credential={"private_key": key, "public_certificate": certificate},
    authority=f"{authority}/{tenant}",
    instance_discovery=False,
)
answer = application.acquire_token_for_client([scope])
print(json.dumps({"library": "msal, certificate", "token": answer.get("access_token"), "error": answer.get("error_description")}))

# A wrong secret has to come back as the error that programs look for.
wrong = msal.ConfidentialClientApplication(
    client, client_credential="wrong", authority=f"{authority}/{tenant}", instance_discovery=False
)
answer = wrong.acquire_token_for_client([scope])
print(json.dumps({"library": "msal, wrong secret", "error": answer.get("error"), "codes": answer.get("error_codes")}))
