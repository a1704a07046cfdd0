// Drives npm openid-client, unmodified and with every check on, as its user's program would.
// One JSON command a line on standard input, one JSON answer a line on standard output.
import { createInterface } from "node:readline";
import * as client from "openid-client";

let config;
let pending;
let tokens;

const summary = (set) => ({ ...set, claims: set.claims?.(), expires_in_seconds: set.expiresIn?.() });

const verbs = {
  async discover({ issuer, client_id, client_secret, method, algorithm }) {
    const authentication = method === "none" ? client.None() : method === "post" ? client.ClientSecretPost(client_secret) : client.ClientSecretBasic(client_secret);
    const metadata = { client_secret, id_token_signed_response_alg: algorithm ?? "ES256" };
    config = await client.discovery(new URL(issuer), client_id, metadata, authentication);
    client.enableNonRepudiationChecks(config); // ID tokens' signatures too, though they came straight over TLS
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
  async callback({ url, code_verifier }) {
    tokens = await client.authorizationCodeGrant(config, new URL(url), {
      pkceCodeVerifier: code_verifier ?? pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    });
    return summary(tokens);
  },
  async refresh({ refresh_token }) {
    return summary(await client.refreshTokenGrant(config, refresh_token));
  },
  async refresh_in_parallel({ refresh_token, times }) {
    return Promise.all(Array.from({ length: times }, async () => summary(await client.refreshTokenGrant(config, refresh_token))));
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
    // a 401 with a challenge is handed over as the challenge (RFC 9110 11.6.1), the answer's body unread
    const body = error.code === "OAUTH_WWW_AUTHENTICATE_CHALLENGE" ? await error.response.json().catch(() => ({})) : {};
    console.log(JSON.stringify({ error: error.error ?? body.error ?? error.code ?? error.name, description: error.error_description ?? error.message, status: error.status, cause: String(error.cause ?? "") }));
  }
}
