// Gets tokens as a publisher's Node program does: with @azure/identity, and with @azure/msal-node.
// Prints one line of JSON for each: which library, and the token. Settings come from the environment.
import { ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication } from "@azure/msal-node";

const { AUTHORITY, TENANT_ID, CLIENT_ID, CLIENT_SECRET, SCOPE } = process.env;
const print = (line) => console.log(JSON.stringify(line));

const credential = new ClientSecretCredential(TENANT_ID, CLIENT_ID, CLIENT_SECRET, {
  authorityHost: AUTHORITY,
  disableInstanceDiscovery: true,
});
print({ library: "@azure/identity", token: (await credential.getToken(SCOPE)).token });

const application = (clientSecret) =>
  new ConfidentialClientApplication({
    auth: {
      clientId: CLIENT_ID,
      clientSecret,
      authority: `${AUTHORITY}/${TENANT_ID}`,
      knownAuthorities: [new URL(AUTHORITY).host],
    },
  });
const answer = await application(CLIENT_SECRET).acquireTokenByClientCredential({ scopes: [SCOPE] });
print({ library: "@azure/msal-node", token: answer.accessToken });

// A wrong secret has to come back as the error that programs look for.
const wrong = await application("wrong").acquireTokenByClientCredential({ scopes: [SCOPE] }).catch((error) => error);
print({ library: "@azure/msal-node, wrong secret", error: wrong.errorCode, codes: wrong.errorNo });
