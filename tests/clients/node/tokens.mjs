// Gets tokens as a publisher's Node program does: with @azure/identity, and with @azure/msal-node.
// Prints one line of JSON for each: which library, and the token. Settings come from the environment.
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

import { AuthorizationCodeCredential, ClientCertificateCredential, ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication, CryptoProvider } from "@azure/msal-node";

const { AUTHORITY, TENANT_ID, CLIENT_ID, CLIENT_SECRET, SCOPE, CERTIFICATE_FILE, KEY_FILE } = process.env;
const certificate = readFileSync(CERTIFICATE_FILE, "utf8");
const privateKey = readFileSync(KEY_FILE, "utf8");
const print = (line) => console.log(JSON.stringify(line));

const credential = new ClientSecretCredential(TENANT_ID, CLIENT_ID, CLIENT_SECRET, {
  authorityHost: AUTHORITY,
  disableInstanceDiscovery: true,
});
print({ library: "@azure/identity", token: (await credential.getToken(SCOPE)).token });

const withCertificate = new ClientCertificateCredential(
  TENANT_ID,
  CLIENT_ID,
  { certificate: privateKey + certificate },
  { authorityHost: AUTHORITY, disableInstanceDiscovery: true },
);
print({ library: "@azure/identity, certificate", token: (await withCertificate.getToken(SCOPE)).token });

const application = (credential) =>
  new ConfidentialClientApplication({
    auth: {
      clientId: CLIENT_ID,
      ...credential,
      authority: `${AUTHORITY}/${TENANT_ID}`,
      knownAuthorities: [new URL(AUTHORITY).host],
    },
  });
const answer = await application({ clientSecret: CLIENT_SECRET }).acquireTokenByClientCredential({ scopes: [SCOPE] });
print({ library: "@azure/msal-node", token: answer.accessToken });

const thumbprintSha256 = createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex");
const signed = await application({ clientCertificate: { thumbprintSha256, privateKey } }).acquireTokenByClientCredential({
  scopes: [SCOPE],
});
print({ library: "@azure/msal-node, certificate", token: signed.accessToken });

// A wrong secret has to come back as the error that programs look for.
const wrong = await application({ clientSecret: "wrong" }).acquireTokenByClientCredential({ scopes: [SCOPE] }).catch((error) => error);
print({ library: "@azure/msal-node, wrong secret", error: wrong.errorCode, codes: wrong.errorNo });

// What a person does in a browser: picks the first of the people, and is sent back. Returns what comes back.
const signIn = async (url) => {
  const page = await (await fetch(url)).text();
  const unescape = (text) => text.replaceAll("&#38;", "&");
  const fields = [...page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, unescape(value)]);
  const user = page.match(/name="user" value="([^"]+)"/)[1];
  const body = new URLSearchParams([...fields, ["user", user]]);
  const back = await fetch(url.split("?")[0], { method: "POST", body, redirect: "manual" });
  return new URL(back.headers.get("location")).searchParams;
};

// People sign in with the whole of msal-node: state, nonce, PKCE, the checks of the id token, and a refresh.
const redirectUri = "http://localhost:5000/signin-oidc";
const scopes = ["User.Read"];
const people = new ConfidentialClientApplication({
  auth: {
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    authority: `${AUTHORITY}/organizations`,
    knownAuthorities: [new URL(AUTHORITY).host],
  },
});
const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
const request = { scopes, redirectUri, state: "somewhere", nonce: "once", codeChallenge: challenge, codeChallengeMethod: "S256" };
const back = await signIn(await people.getAuthCodeUrl(request));
const signedIn = await people.acquireTokenByCode(
  { code: back.get("code"), codeVerifier: verifier, scopes, redirectUri, state: "somewhere", nonce: "once" },
  { code: back.get("code"), state: back.get("state") },
);
const fresh = await people.acquireTokenSilent({ account: signedIn.account, scopes, forceRefresh: true });
print({ library: "@azure/msal-node, sign-in", user: signedIn.account.username, refreshed: Boolean(fresh.accessToken) });

// @azure/identity exchanges a code that somebody else has got, and wants no nonce in what comes of it.
const query = new URLSearchParams({ client_id: CLIENT_ID, response_type: "code", redirect_uri: redirectUri, scope: "openid profile email offline_access User.Read" });
const code = (await signIn(`${AUTHORITY}/organizations/oauth2/v2.0/authorize?${query}`)).get("code");
const exchanging = new AuthorizationCodeCredential("organizations", CLIENT_ID, CLIENT_SECRET, code, redirectUri, {
  authorityHost: AUTHORITY,
  disableInstanceDiscovery: true,
});
const { token } = await exchanging.getToken(scopes);
const user = await (await fetch(`${AUTHORITY}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } })).json();
print({ library: "@azure/identity, sign-in", user: user.email ?? user.name, refreshed: true });
