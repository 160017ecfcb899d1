// Gets tokens as a publisher's Node program does: with @azure/identity, and with @azure/msal-node.
// Prints one line of JSON for each: which library, and the token. Settings come from the environment.
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

import { ClientCertificateCredential, ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication } from "@azure/msal-node";

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
