// Drives npm openid-client, unmodified and with every check on, as its user's program would.
// One JSON command a line on standard input, one JSON answer a line on standard output.
import { createInterface } from "node:readline";
import * as client from "openid-client";

let config;
let pending;
let tokens;

const summary = (set) => ({ ...set, claims: set.claims?.(), expires_in_seconds: set.expiresIn?.() });

const verbs = {
  async discover({ issuer, client_id, client_secret, method }) {
    const authentication = method === "none" ? client.None() : method === "post" ? client.ClientSecretPost(client_secret) : client.ClientSecretBasic(client_secret);
    config = await client.discovery(new URL(issuer), client_id, client_secret, authentication);
    return config.serverMetadata();
  },
  async authorize({ redirect_uri, scope, ...rest }) {
    pending = { verifier: client.randomPKCECodeVerifier(), state: client.randomState(), nonce: client.randomNonce() };
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri,
      scope,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
      ...rest,
    });
    return { url: url.href };
  },
  async callback({ url }) {
    tokens = await client.authorizationCodeGrant(config, new URL(url), {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    });
    return summary(tokens);
  },
  async refresh({ refresh_token }) {
    return summary(await client.refreshTokenGrant(config, refresh_token));
  },
  async client_credentials(parameters) {
    return summary(await client.clientCredentialsGrant(config, parameters));
  },
  async userinfo({ access_token, subject }) {
    return client.fetchUserInfo(config, access_token, subject);
  },
  async introspect({ token }) {
    return client.tokenIntrospection(config, token);
  },
  async revoke({ token }) {
    await client.tokenRevocation(config, token);
    return {};
  },
  async end_session(parameters) {
    return { url: client.buildEndSessionUrl(config, parameters).href };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { verb, ...parameters } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ ok: await verbs[verb](parameters) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.error ?? error.code ?? error.name, description: error.error_description ?? error.message, status: error.status, cause: String(error.cause ?? "") }));
  }
}
