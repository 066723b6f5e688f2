//! All that one view is made of, in one round trip: BEGIN, every statement and COMMIT are sent
//! before the first answer is there. The statements find the view by the ids that callers use, so
//! that none has to wait for another's answer.

use super::columns::{Params, all, first};
use super::core::Core;
use super::heads::Answered;
use super::local::Ticket;
use super::{environments, failure, projects, secrets, slots};
use crate::{EnvironmentHead, EnvironmentRow, Error, Head, Result, ViewRows};
use deadpool_postgres::ClientWrapper;
use futures::future::try_join_all;
use std::sync::Arc;
use std::time::Instant;
use tokio_postgres::{Row, Statement};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};

const BEGIN: &str = "-- view_rows()\nBEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const SECRETS: &str = "-- view_rows(): secrets
    SELECT s.* FROM project p JOIN secret s ON s.project = p.uid
    WHERE p.id = $1 ORDER BY s.folded";

const ALIASES: &str = "-- view_rows(): aliases
    SELECT a.name, a.secret FROM project p JOIN alias a ON a.project = p.uid
    WHERE p.id = $1 ORDER BY a.name";

const DEFAULTS: &str = "-- view_rows(): defaults
    SELECT s.secret, s.environment, s.stage, s.current, s.highest, s.edition, s.updated,
           s.history, v.uid, v.sealed_digest, length(v.sealed)::bigint AS length
    FROM project p
    JOIN slot s ON s.project = p.uid AND s.environment = $2 AND s.stage = 0
    LEFT JOIN value v ON v.secret = s.secret AND v.environment = s.environment
         AND v.stage = s.stage AND v.version = s.current
    WHERE p.id = $1";

const OVERRIDES: &str = "-- view_rows(): overrides
    SELECT s.secret, s.environment, s.stage, s.current, s.highest, s.edition, s.updated,
           s.history, v.uid, v.sealed_digest, length(v.sealed)::bigint AS length
    FROM project p
    JOIN environment e ON e.project = p.uid AND e.id = $2
    JOIN slot s ON s.project = p.uid AND s.environment = e.uid AND s.stage = $3
    LEFT JOIN value v ON v.secret = s.secret AND v.environment = s.environment
         AND v.stage = s.stage AND v.version = s.current
    WHERE p.id = $1";

const DEFAULT_VALUES: &str = "-- view_rows(): values of the defaults
    SELECT v.* FROM project p
    JOIN slot s ON s.project = p.uid AND s.environment = $2 AND s.stage = 0
    JOIN value v ON v.secret = s.secret AND v.environment = s.environment
         AND v.stage = s.stage AND v.version = s.current
    WHERE p.id = $1 AND v.sealed IS NOT NULL";

const OVERRIDE_VALUES: &str = "-- view_rows(): values of the overrides
    SELECT v.* FROM project p
    JOIN environment e ON e.project = p.uid AND e.id = $2
    JOIN slot s ON s.project = p.uid AND s.environment = e.uid AND s.stage = $3
    JOIN value v ON v.secret = s.secret AND v.environment = s.environment
         AND v.stage = s.stage AND v.version = s.current
    WHERE p.id = $1 AND v.sealed IS NOT NULL";

const STATEMENTS: [&str; 8] = [
    projects::PROJECT,
    environments::OF_PROJECT_ID,
    SECRETS,
    ALIASES,
    DEFAULTS,
    OVERRIDES,
    DEFAULT_VALUES,
    OVERRIDE_VALUES,
];

/// The answers, in the order of the statements.
type Answers = Vec<Vec<Row>>;

enum Trouble {
    Lost,
    Other(Error),
}

pub(super) async fn view_rows(
    core: &Arc<Core>,
    project: &ProjectId,
    environment: &EnvironmentId,
    stage: Stage,
) -> Result<Option<ViewRows>> {
    core.shared.alive()?;
    let ticket = core.shared.local().ask(Instant::now());
    let answers = match attempt(core, project, environment, stage).await {
        // The pool's connection had been closed meanwhile.
        Err(Trouble::Lost) => {
            core.drain();
            attempt(core, project, environment, stage).await
        }
        answers => answers,
    };
    match answers {
        Ok(answers) => {
            let rows = read(&answers)?;
            learn(core, &ticket, project, rows.as_ref())?;
            Ok(rows)
        }
        Err(Trouble::Lost) => Err(failure::unavailable("the connection to PostgreSQL was lost")),
        Err(Trouble::Other(error)) => Err(error),
    }
}

/// What a view was read from shows the project's head as well. Known here, it spares those who ask
/// for a recent head another fill of the same view.
fn learn(core: &Core, ticket: &Ticket, project: &ProjectId, rows: Option<&ViewRows>) -> Result<()> {
    let environment = |row: &EnvironmentRow| EnvironmentHead {
        uid: row.environment.uid,
        id: row.environment.id.clone(),
        draft: row.draft.revision,
        live: row.live.revision,
    };
    let head = rows.map(|rows| Head {
        incarnation: rows.project.incarnation,
        project: rows.project.project.uid,
        revision: rows.project.revision,
        deleted: rows.project.project.deletion.is_some(),
        environments: rows.environments.iter().map(environment).collect(),
    });
    let heads = head.into_iter().map(|head| (project.clone(), Ok(Arc::new(head)))).collect();
    let found = Answered { epoch: None, heads };
    let asked = std::slice::from_ref(project);
    let done = core.shared.local().answer(ticket, Instant::now(), asked, &found);
    match done {
        Ok(moved) => core.shared.tell(&moved),
        Err(regression) => return Err(core.shared.stop(regression)),
    }
    Ok(())
}

async fn attempt(
    core: &Arc<Core>,
    project: &ProjectId,
    environment: &EnvironmentId,
    stage: Stage,
) -> std::result::Result<Answers, Trouble> {
    let mut loan = core.borrow().await.map_err(Trouble::Other)?;
    let client = loan.client().map_err(Trouble::Other)?.clone();
    loan.busy = true;
    let work = async {
        let statements = prepare(&client).await?;
        ask(&client, &statements, project, environment, stage).await
    };
    let answers = tokio::time::timeout(core.query_timeout, work).await;
    drop(client);
    match answers {
        Ok(Ok(answers)) => {
            loan.busy = false;
            Ok(answers)
        }
        Ok(Err(error)) if failure::is_lost(&error) => {
            loan.discard();
            Err(Trouble::Lost)
        }
        Ok(Err(error)) => {
            // Others of the statements may be on their way yet: the connection is not returned.
            Err(Trouble::Other(failure::of(&error)))
        }
        Err(_) => Err(Trouble::Other(failure::unavailable(failure::SILENT))),
    }
}

/// The statements as this connection knows them; all of them asked for at once, the first time.
async fn prepare(
    client: &ClientWrapper,
) -> std::result::Result<Vec<Statement>, tokio_postgres::Error> {
    try_join_all(STATEMENTS.iter().map(|sql| client.prepare_cached(sql))).await
}

async fn ask(
    client: &ClientWrapper,
    statements: &[Statement],
    project: &ProjectId,
    environment: &EnvironmentId,
    stage: Stage,
) -> std::result::Result<Answers, tokio_postgres::Error> {
    let (id, stage) = (project.as_str(), i16::from(stage.number()));
    // The default slots stand under no environment.
    let (environment, nowhere) = (environment.as_str(), &[0u8; 16][..]);
    let whole: Params<'_> = &[&id];
    let default: Params<'_> = &[&id, &nowhere];
    let over: Params<'_> = &[&id, &environment, &stage];
    let params = [whole, whole, whole, whole, default, over, default, over];
    let asked = statements.iter().zip(params);
    // Polled in this order, and a first poll sends.
    let (_, answers, _) = futures::try_join!(
        client.batch_execute(BEGIN),
        try_join_all(asked.map(|(statement, params)| client.query(statement, params))),
        client.batch_execute("COMMIT"),
    )?;
    Ok(answers)
}

fn read(answers: &[Vec<Row>]) -> Result<Option<ViewRows>> {
    let [project, environments, secrets, aliases, defaults, overrides, plain, over] = answers
    else {
        return Err(failure::unavailable("PostgreSQL left a statement unanswered"));
    };
    let Some(project) = first("project", project, projects::read)? else { return Ok(None) };
    let mut values = all("value", plain, slots::read_value)?;
    values.extend(all("value", over, slots::read_value)?);
    Ok(Some(ViewRows {
        project,
        environments: all("environment", environments, environments::read)?,
        secrets: all("secret", secrets, secrets::read)?,
        aliases: all("alias", aliases, secrets::read_alias)?,
        defaults: all("slot", defaults, slots::read_slot)?,
        overrides: all("slot", overrides, slots::read_slot)?,
        values,
    }))
}
