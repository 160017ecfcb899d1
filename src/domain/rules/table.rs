//! Every rule, in the order of the API: subscriptions, changes, operations, webhooks, life cycle, metering, identity.
//!
//! `Qn` is a row of the table of quirks in `docs/fidelity.md`.

use serde::{Deserialize, Serialize};

use super::{ChoiceCard, RuleCard, RuleFault, rules};

rules! {
    /// A missing or unknown `api-version`.
    api_version = "apiVersion", "Q27", ApiVersion {
        /// 400 with capital keys (emulator-code).
        Required = "required",
        /// Any version is taken, and none.
        Ignored = "ignored",
    }

    /// A token that is missing, invalid, expired or another publisher's.
    forbidden_body = "forbiddenBody", "Q26", ForbiddenBody {
        /// 403 with a bare JSON string of 403 bytes (issue:Azure/Commercial-Marketplace-SaaS-Accelerator#607).
        Text = "text",
        /// 403 with an error object, as a client that parses every error expects it.
        Object = "object",
        /// 401 with `WWW-Authenticate` for a token that is not accepted, as newer guides tell; 403 stays for a foreign one.
        Unauthorized = "unauthorized",
    }

    /// How JSON of requests is read.
    json = "json", "inferred", JsonReading {
        /// Leniently: comments, single quotes, unquoted keys, commas too many, numbers as text, keys in any case. Each
        /// leniency is noted in the journal.
        Lenient = "lenient",
        /// Strictly: each of these is refused with 400.
        Strict = "strict",
    }

    /// How often an authorization code resolves.
    purchase_token = "purchaseToken", "inferred", PurchaseTokenUse {
        /// As often as you like, for 24 hours: landing pages are refreshed.
        Reusable = "reusable",
        /// Once.
        SingleUse = "singleUse",
    }

    /// What subscription ids look like.
    subscription_ids = "subscriptionIds", "Q22", SubscriptionIds {
        /// Random in all 128 bits (380 recorded rows).
        Random = "random",
        /// GUIDs of version 4.
        Version4 = "version4",
    }

    /// How a quantity is written in answers.
    quantity_form = "quantityForm", "Q14", QuantityForm {
        /// A number, and absent on a flat rate (recorded).
        Number = "number",
        /// A text, and `""` on a flat rate (docs:subscription-api).
        Text = "text",
    }

    /// The quantity of what has been cancelled.
    ended_quantity = "endedQuantity", "Q39", EndedQuantity {
        /// It stays (13 of 13 recorded rows).
        Kept = "kept",
        /// It is absent, as Microsoft's emulator has it.
        Removed = "removed",
    }

    /// The order of `allowedCustomerOperations`, which is a set.
    allowed_operations = "allowedOperations", "Q43", AllowedOperations {
        /// `Delete`, `Read`, `Update` (recorded 2024).
        Order2024 = "order2024",
        /// `Delete`, `Update`, `Read` (recorded 2021).
        Order2021 = "order2021",
        /// `Read`, `Update`, `Delete` (docs:subscription-api).
        Documented = "documented",
    }

    /// The marketplace account in which a CSP partner buys.
    csp_account = "cspAccount", "openapi", CspAccount {
        /// A real one: `sandboxType` is `None`.
        Production = "production",
        /// Its integration sandbox: `sandboxType` is `Csp`; Partner Center has limits and a dummy link (docs:test-and-debug).
        IntegrationSandbox = "integrationSandbox",
    }

    /// The term in the answer of *Resolve*.
    resolved_term = "resolvedTerm", "Q16", ResolvedTerm {
        /// It is there.
        Present = "present",
        /// It is missing, as for some weeks of 2021 (issue:microsoft/commercial-marketplace-openapi#22).
        Absent = "absent",
    }

    /// What *Activate* says in its body.
    activate_body = "activateBody", "Q8", ActivateBody {
        /// It is not looked at, and none is needed (emulator-note, docs-new).
        Ignored = "ignored",
        /// Plan and quantity have to be those that were bought (docs:subscription-api of 2020 to 2022).
        Checked = "checked",
    }

    /// *Activate* of what is active.
    activate_again = "activateAgain", "Q10", ActivateAgain {
        /// 200, and nothing happens (inferred).
        Accepted = "accepted",
        /// 400 (older documentation).
        Refused = "refused",
    }

    /// The pages of the list of subscriptions.
    list_pages = "listPages", "Q17", ListPages {
        /// A hundred rows (docs:subscription-api).
        Full = "full",
        /// Small ones, each of another length.
        Irregular = "irregular",
    }

    /// `@nextLink` on the last page.
    last_next_link = "lastNextLink", "Q18", LastNextLink {
        /// It is absent (recorded).
        Absent = "absent",
        /// It is an empty text (docs:subscription-api).
        Empty = "empty",
    }

    /// The list of a publisher without subscriptions.
    empty_list = "emptyList", "Q19", EmptyList {
        /// An object with an empty list (emulator-code).
        Object = "object",
        /// No body (docs:subscription-api).
        EmptyBody = "emptyBody",
    }

    /// The plans of a subscription that there is not.
    plans_of_unknown = "plansOfUnknown", "Q21", PlansOfUnknown {
        /// 200 with an empty list (inferred).
        EmptyList = "emptyList",
        /// 200 without a body (docs:subscription-api).
        EmptyBody = "emptyBody",
        /// 404 (openapi).
        NotFound = "notFound",
    }

    /// Plans that are not sold any more, in the list of available plans.
    stop_sell_plans = "stopSellPlans", "Q45", StopSellPlans {
        /// They are listed, with `isStopSell` (recorded).
        Listed = "listed",
        /// They are hidden.
        Hidden = "hidden",
    }

    /// The host in links of the service's own: `Operation-Location` and `@nextLink`.
    link_host = "linkHost", "Q17, Q29", LinkHost {
        /// The one that was called.
        AsCalled = "asCalled",
        /// Another name of it: `localhost` for `127.0.0.1`, and the other way round (recorded: links name another host).
        Another = "another",
    }

    /// The headers of a 202.
    accepted_headers = "acceptedHeaders", "Q28", AcceptedHeaders {
        /// `Operation-Location`, `Operation-Id` and `Retry-After: 10` (recorded).
        All = "all",
        /// `Operation-Location` alone (docs:subscription-api).
        LocationOnly = "locationOnly",
    }

    /// The first status of an operation that a publisher has asked for.
    first_status = "firstStatus", "Q30", FirstStatus {
        /// `NotStarted` (recorded).
        NotStarted = "notStarted",
        /// `InProgress`.
        InProgress = "inProgress",
    }

    /// A change while another one is under way.
    operation_lock = "operationLock", "Q36", OperationLock {
        /// 400: the subscription is locked (emulator-code).
        Locked = "locked",
        /// It is taken on too.
        Open = "open",
    }

    /// Cancelling what has been cancelled.
    cancel_again = "cancelAgain", "Q31", CancelAgain {
        /// 200 (docs-new).
        Ok = "ok",
        /// 202 with an operation that has ended (docs:subscription-api of 2020 to 2022).
        Accepted = "accepted",
    }

    /// The outstanding operations of a subscription that there is not.
    operations_of_unknown = "operationsOfUnknown", "Q1", OperationsOfUnknown {
        /// 200 with an empty list (emulator-note).
        EmptyList = "emptyList",
        /// 404 (docs:operations-api).
        NotFound = "notFound",
    }

    /// An operation that there is not, to be read or answered.
    unknown_operation = "unknownOperation", "Q2, Q3", UnknownOperation {
        /// 400 (emulator-note).
        BadRequest = "badRequest",
        /// 404 (docs:operations-api).
        NotFound = "notFound",
    }

    /// `errorStatusCode` and `errorMessage` of an operation that is healthy.
    operation_errors = "operationErrors", "Q32", OperationErrors {
        /// They are absent (recorded).
        Absent = "absent",
        /// They are empty texts (docs:operations-api).
        Empty = "empty",
    }

    /// An answer to an operation that is neither `Success` nor `Failure`.
    answer_word = "answerWord", "Q4", AnswerWord {
        /// 200, without effect (emulator-note).
        Any = "any",
        /// 400.
        Checked = "checked",
    }

    /// A publisher's answer to an operation of its own.
    own_operation_answer = "ownOperationAnswer", "Q5", OwnOperationAnswer {
        /// 500 (emulator-note).
        ServerError = "serverError",
        /// 200, and the operation succeeds or fails (docs:operations-api).
        Accepted = "accepted",
    }

    /// The body of the 409 that answers an operation which has ended.
    ended_operation_body = "endedOperationBody", "Q6", EndedOperationBody {
        /// The request's id (emulator-note).
        RequestId = "requestId",
        /// An error with the code `Conflict`.
        Conflict = "conflict",
    }

    /// `Failure` as the answer to a change that a customer has made.
    failure_answer = "failureAnswer", "Q11", FailureAnswer {
        /// The change has failed (docs:operations-api).
        Honoured = "honoured",
        /// 200, and the change happens all the same, as in 2022 (issue:Azure/Commercial-Marketplace-SaaS-Accelerator#348).
        Ignored = "ignored",
    }

    /// From when the ten seconds count in which a publisher may answer a change.
    answer_window = "answerWindow", "docs:life-cycle", AnswerWindow {
        /// From its webhook's answer (emulator-code).
        FromAnswer = "fromAnswer",
        /// From the call of the webhook.
        FromSending = "fromSending",
    }

    /// When a webhook is called.
    webhook_sending = "webhookSending", "of this simulator", WebhookSending {
        /// At once.
        AtOnce = "atOnce",
        /// When the call is released by hand, each on its own: in whatever order you like.
        Held = "held",
    }

    /// A webhook that answers a change with 4xx.
    webhook_refusal = "webhookRefusal", "Q12", WebhookRefusal {
        /// The change has failed (docs:webhook-2023).
        Refuses = "refuses",
        /// It is called again.
        Retried = "retried",
    }

    /// What a webhook is sent.
    webhook_payload = "webhookPayload", "captured-webhook-2024, captured-webhook-2021", WebhookPayload {
        /// The subscription as it is, nulls included (captured-webhook-2024).
        Current = "current",
        /// The subscription in another order, with internal keys that are null (captured-webhook-2021).
        Autumn2021 = "autumn2021",
        /// Four keys of the subscription (issue:MicrosoftDocs/azure-docs#75997).
        May2021 = "may2021",
        /// Neither the subscription, nor plan, quantity and status.
        Thin = "thin",
        /// No subscription, and empty texts for what is not said (issue:MicrosoftDocs/azure-docs#45427).
        Flat2019 = "flat2019",
    }

    /// The quantity that a webhook is told on a flat rate.
    webhook_quantity = "webhookQuantity", "Q24", WebhookQuantity {
        /// 1 in the operation, `null` in the subscription (captured-webhook-2024).
        Captured = "captured",
        /// Neither.
        Omitted = "omitted",
    }

    /// The status of the subscription in the webhook of a suspension.
    suspended_told = "suspendedTold", "Q41", SuspendedTold {
        /// `Suspended` (docs:webhook-2023).
        Suspended = "suspended",
        /// `Subscribed` (docs:webhook-2022).
        Subscribed = "subscribed",
    }

    /// A second webhook, which takes a change back that the publisher has turned down.
    revert_webhook = "revertWebhook", "Q42", RevertWebhook {
        /// There is none.
        Never = "never",
        /// It follows a change that has failed, with the present plan and quantity (accelerator).
        AfterFailure = "afterFailure",
    }

    /// Whether a publisher is told that a purchase was cancelled which it never activated.
    pending_cancellation = "pendingCancellation", "inferred", PendingCancellation {
        /// No (training: no webhook for what is pending).
        Silent = "silent",
        /// Yes, by `Unsubscribe`.
        Told = "told",
    }

    /// Whose word counts when a suspended subscription is paid for.
    reinstatement = "reinstatement", "Q13", Reinstatement {
        /// Nobody's: it is active again (docs:webhook-new, emulator-code).
        Regardless = "regardless",
        /// The publisher's: it is active once the publisher answers `Success` (docs:life-cycle).
        Asked = "asked",
    }

    /// When a cancellation gives everything but usage back.
    refund_window = "refundWindow", "Q37", RefundWindow {
        /// Within 72 hours of the purchase (docs:subscription-api).
        ThreeDays = "threeDays",
        /// Within 24 hours of the activation on a monthly term, 14 days on a longer one (docs:api-v2-old).
        Older = "older",
    }

    /// What makes two usage events one.
    usage_key = "usageKey", "Q35", UsageKey {
        /// Resource, dimension and hour (docs:metering-newer).
        WithDimension = "withDimension",
        /// Resource and hour, whatever the dimension (docs:metering).
        WithoutDimension = "withoutDimension",
    }

    /// Usage of a time that is still to come.
    future_usage = "futureUsage", "Q44", FutureUsage {
        /// It is refused (recorded-meter).
        Refused = "refused",
        /// Five minutes are tolerated.
        Tolerated = "tolerated",
    }

    /// `resourceUri` in the answer to a usage event that named its resource by its id.
    usage_resource_uri = "usageResourceUri", "Q34", UsageResourceUri {
        /// It is added (recorded).
        Added = "added",
        /// It is absent (docs:metering).
        AsSent = "asSent",
    }

    /// The answer to a batch of usage events.
    batch_shape = "batchShape", "Q33", BatchShape {
        /// `result` first; refused events have the time of processing (recorded).
        Recorded = "recorded",
        /// `count` first; refused events have the time `0001-01-01T00:00:00` (docs:metering).
        Documented = "documented",
    }

    /// What of the reported usage is charged.
    included_usage = "includedUsage", "docs:saas-metered-billing", IncludedUsage {
        /// What is beyond the quantity that a term includes: a publisher may report everything.
        Subtracted = "subtracted",
        /// Every unit, as the real marketplace charges it: a publisher reports only what is beyond.
        ChargedInFull = "chargedInFull",
    }

    /// Whether people sign in before the stand-in publisher's landing page shows them anything.
    landing_sign_in = "landingSignIn", "docs:landing-page", LandingSignIn {
        /// Only whoever comes from Partner Center's portal: the link there says so.
        Portal = "portal",
        /// Yes, at the identity, as with a real landing page.
        On = "on",
        /// No: whoever has the link may go on.
        Off = "off",
    }

    /// The token endpoints.
    token_endpoints = "tokenEndpoints", "Q38", TokenEndpoints {
        /// Both of them work.
        Both = "both",
        /// Only v1.
        V1 = "v1",
        /// Only v2.
        V2 = "v2",
    }

    /// The form in which a token is asked for.
    token_form = "tokenForm", "issue:microsoft/mona-saas#111", TokenForm {
        /// URL-encoded, or multipart.
        Any = "any",
        /// URL-encoded.
        UrlEncoded = "urlEncoded",
    }

    /// The client secrets of publishers.
    client_secret = "clientSecret", "entra-recorded", ClientSecret {
        /// They are good.
        Valid = "valid",
        /// They have expired: 401, AADSTS7000222.
        Expired = "expired",
    }

    /// The claims of access tokens for the marketplace's APIs.
    access_token = "accessToken", "emulator-code, known", AccessToken {
        /// Those of version 1 (emulator-code: so the API's manifest has it).
        V1 = "v1",
        /// Those of version 2.
        V2 = "v2",
    }

    /// The service principal of a publisher's app in its tenant.
    service_principal = "servicePrincipal", "issue:Azure/Commercial-Marketplace-SaaS-Accelerator#699", ServicePrincipal {
        /// There is one: tokens have `oid` and `sub`.
        Present = "present",
        /// There is none: they have neither, which violates policy 1000.4.
        Missing = "missing",
    }

    /// A partner's cancellation of a purchase that its publisher has not activated.
    csp_cancel_pending = "cspCancelPending", "seed, inferred", CspCancelPending {
        /// 400, code 800081: the publisher's steps come first.
        Refused = "refused",
        /// It is cancelled.
        Allowed = "allowed",
    }

    /// A partner's cancellation after the refund window.
    csp_late_cancel = "cspLateCancel", "learn:new-commerce-cancellation-policy, portal:create-a-new-subscription", CspLateCancel {
        /// 400, code 900213 or 900117: the publisher has to be asked (now).
        Refused = "refused",
        /// It ends with its term (2019 to 2023).
        AtRenewal = "atRenewal",
    }

    /// The status of a subscription in Partner Center that is not activated.
    csp_pending_status = "cspPendingStatus", "inferred", CspPendingStatus {
        /// `active`, with `attentionNeeded`, as the integration sandbox speaks of it.
        Active = "active",
        /// `pending`.
        Pending = "pending",
    }

    /// `links.activationLinks` of an active subscription in Partner Center.
    activation_link = "activationLink", "docs:update-autorenew-for-an-azure-marketplace-subscription", ActivationLink {
        /// There is none: it has been activated.
        WhileNeeded = "whileNeeded",
        /// It stays, so that the publisher's site can be reached.
        Always = "always",
    }

    /// The activation link of an integration sandbox.
    sandbox_link = "sandboxLink", "docs:test-and-debug", SandboxLink {
        /// A dummy, as Microsoft's.
        Dummy = "dummy",
        /// One that works.
        Working = "working",
    }

    /// Calls of Partner Center by one partner in a minute.
    throttling = "throttling", "docs:api-throttling-guidance", Throttling {
        /// As many as you like: a rehearsal is faster than people are.
        Off = "off",
        /// 500; then 429 with `Retry-After`.
        Documented = "documented",
    }

    /// The audiences of tokens that Partner Center takes.
    partner_center_audience = "partnerCenterAudience", "mcp", PartnerCenterAudience {
        /// Its own: `https://api.partnercenter.microsoft.com` (mcp: since 2025).
        PartnerCenter = "partnerCenter",
        /// `https://graph.windows.net` too, as until 2025 (docs:partner-center-authentication).
        Graph = "graph",
    }

    /// The claims of the token that a webhook is called with.
    webhook_token = "webhookToken", "training", WebhookTokenVersion {
        /// Those of version 1 (training).
        V1 = "v1",
        /// Those of version 2, as for an app that asks for them.
        V2 = "v2",
    }
}
