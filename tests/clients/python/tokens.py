"""Gets tokens as a publisher's Python program does: with azure-identity, and with msal.

Prints one line of JSON for each: which library, and the token. Settings come from the environment.
"""

import json
import os
import re

import msal
import requests
from azure.identity import AuthorizationCodeCredential, CertificateCredential, ClientSecretCredential

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


def sign_in(url):
    """What a person does in a browser: picks the first of the people, and is sent back. Returns what comes back."""
    page = requests.get(url)
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    user = re.search(r'name="user" value="([^"]+)"', page.text).group(1)
    unescaped = [(name, value.replace("&#38;", "&")) for name, value in fields]
    back = requests.post(url.split("?")[0], data=unescaped + [("user", user)], allow_redirects=False)
    return dict(requests.compat.urlparse(back.headers["Location"]).query and [
        tuple(map(requests.compat.unquote_plus, pair.split("=", 1)))
        for pair in requests.compat.urlparse(back.headers["Location"]).query.split("&")
    ])


# People sign in with the whole of msal: state, nonce, PKCE, the checks of the id token, and a refresh.
application = msal.ConfidentialClientApplication(
    client, client_credential=secret, authority=f"{authority}/organizations", instance_discovery=False
)
redirect = "http://localhost:5000/signin-oidc"
flow = application.initiate_auth_code_flow(["User.Read"], redirect_uri=redirect)
answer = application.acquire_token_by_auth_code_flow(flow, sign_in(flow["auth_uri"]))
account = application.get_accounts()[0]
fresh = application.acquire_token_silent(["User.Read"], account, force_refresh=True)
print(json.dumps({
    "library": "msal, sign-in",
    "user": answer.get("id_token_claims", {}).get("preferred_username"),
    "refreshed": bool(fresh and fresh.get("access_token")),
    "error": answer.get("error_description"),
}))

# azure-identity exchanges a code that somebody else has got.
url = application.get_authorization_request_url(["User.Read"], redirect_uri=redirect)
code = sign_in(url)["code"]
credential = AuthorizationCodeCredential(
    "organizations",
    client,
    code,
    redirect,
    client_secret=secret,
    authority=authority,
    disable_instance_discovery=True,
)
token = credential.get_token("User.Read").token
user = requests.get(f"{authority}/oidc/userinfo", headers={"Authorization": f"Bearer {token}"}).json()
print(json.dumps({"library": "azure-identity, sign-in", "user": user.get("email") or user.get("name"), "refreshed": True}))
