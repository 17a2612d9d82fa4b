"""The words of settings' names that tell secrets from columns, tokenizers and numbers."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Words that mean a secret, whatever stands before them.
SECRET = _set(
    "password passwords passwd passphrase passcode pwd secret secrets credential credentials "
    "apikey apikeys authtoken accesstoken sessiontoken bearertoken apitoken privatekey "
    "secretkey accesskey sshkey authorization userpass basicauth"
)

#: Services whose name before "key" or "token" makes it a secret.
SERVICE = _set(
    "wandb hf huggingface openai anthropic claude gemini google gcp azure aws amazon github "
    "gh gitlab bitbucket slack discord telegram neptune mlflow databricks kaggle cohere "
    "mistral groq togetherai runpod pinecone langsmith langchain langfuse sendgrid mailgun "
    "twilio docker npm pypi twine stripe datadog newrelic grafana honeycomb nvidia ngc "
    "fireworks perplexity deepseek openrouter xai grok cerebras jina tavily serper serpapi "
    "voyage voyageai elevenlabs assemblyai deepgram weaviate qdrant milvus zilliz algolia "
    "supabase vercel netlify heroku cloudflare digitalocean linode vultr paperspace vastai "
    "coreweave minio wasabi dagshub clearml swanlab roboflow labelbox clarifai baseten "
    "ultralytics atlassian pushover pagerduty opsgenie tailscale ngrok codecov coveralls "
    "circleci wolfram openweather finnhub"
)

#: Services in which a key is the name of an entry or a ticket, but a token is a secret.
TOKEN_SERVICE = _set(
    "hub vault consul jira confluence notion linear airtable sentry dropbox elastic mongo "
    "redis prefect dagster sonar travis replicate comet snowflake firebase figma mapbox "
    "zapier cf dd modallabs lambdalabs"
)

#: Words before "key" that make it a secret.
KEY_BEFORE = (
    _set(
        "api access private secret auth account signing sign encryption decryption encrypt "
        "subscription storage license licence consumer client deploy ssh service session webhook "
        "shared sas hmac rsa pgp gpg tls ssl aes master root admin app application org vault read "
        "write server provider "
    )
    | SERVICE
)

#: Words before "token" that make it a secret.
TOKEN_BEFORE = (
    _set(
        "api access auth session refresh bearer bot hub oauth personal sas csrf xsrf jwt security "
        "secret service deploy push registry webhook upload login private gitlab ci pat sts "
        "client admin"
    )
    | SERVICE
    | TOKEN_SERVICE
)

#: Words before "key" that make it the name of a column, an index or the like.
KEY_PLAIN = _set(
    "sort dedup idempotency primary foreign public publishable dataset data label labels prompt input inputs "
    "output outputs target targets text image images audio video index join group map dict "
    "partition shard cache hash sample samples feature features metric metrics monitor score "
    "lookup column row object query attention attn value values natural unique composite "
    "config state param params main loss reward rewards batch answer answers question "
    "response completion chosen rejected message messages content role field fields hot "
    "random prng jax rng seed dropout init idx pad train eval val test item element entry "
    "record node edge tree json yaml xml tensor layer module block ckpt checkpoint weight "
    "weights mask padding length timestamp time date name type kind class category tag tags "
    "hidden the a this that each any which missing unexpected wrong new old first last next "
    "best arrow shift ctrl alt enter press return home num total n"
)

#: Words before "token" that make it a tokenizer's, or a count.
TOKEN_PLAIN = _set(
    "eos bos pad unk sep cls mask stop image audio video special start end begin max min num "
    "n per total new target think thinking tool prompt completion input output extra vocab "
    "text next last first prefix suffix mid middle fim turn assistant system reserved added "
    "additional boi eoi box loc time sot eot nl newline space mean avg sum count train eval "
    "val test valid answer question response chosen rejected gen generated tgt src lang "
    "language decoder encoder ctx context img visual vision speech speaker blank forced sub "
    "word char byte bpe subword unknown beginning padding separator class placeholder patch "
    "pixel draft accepted top logit logits entropy reward the a this that each invalid "
    "unexpected cross self current previous k b m million billion trillion seen processed"
)

#: Words before "pass" that make it a password.
LOGIN = _set("user db smtp mysql postgres redis ftp http mail pg admin root auth login")

#: Words before "pass" that make it a turn or a filter.
PASS_PLAIN = _set(
    "first second third forward backward fwd bwd single double two one multi low high band n num per "
    "max min train eval test by over all inference prefill decode loss render com tres sur tr"
)

#: Words after a secret's word that make it something else: a switch, a place, a number.
AFTER_PLAIN = _set(
    "env environment name names path paths file files filename dir dirs folder type types "
    "kind length len size sizes count counts num number limit budget protected policy "
    "strength required enable enabled disable disabled field fields column columns url uri "
    "endpoint host port expiry expires expiration ttl lifetime age manager provider "
    "store storage backend format prefix suffix method mode rotation rotate version ver "
    "accuracy acc loss norm norms ids idx index indices dim dims head heads proj projection "
    "projections cache embedding embeddings emb ratio rate rates per sec second "
    "seconds throughput usage used mask masks level levels santa sauce stats check checks "
    "checker validator validation valid hint prompt label placeholder ref reference source "
    "loader helper arn scope scopes audience issuer algorithm alg bits server "
    "exists present set given found missing map mapping order func function fn fns "
    "class classes template pattern regex min max mean std avg total distance similarity "
    "weight weights entropy perplexity logprob logprobs logits probs prob score scores"
)

#: Values that are no secret under any name: switches, methods, states, types.
SWITCHES = _set(
    "none null nil nan undefined true false yes no on off y n enable enabled disable disabled required "
    "optional default auto automatic anonymous public private prompt prompted env environment keyring "
    "keychain vault iam managed basic bearer oauth oauth2 jwt ldap sso saml kerberos token password secret "
    "key apikey api_key plain plaintext n/a na unset not_set not-set unused empty missing unknown invalid "
    "incorrect wrong expired accepted rejected ok okay valid found loaded saved provided given configured "
    "present absent redacted masked hidden removed filtered scrubbed sanitized secret-ref secretref changeme "
    "placeholder str string int bool bytes float dict list secretstr"
)
