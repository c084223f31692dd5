import { sqlProjection, type SqlStatement } from '@tidemark/projections'
import { answerQuery, type QueryHandler } from '@tidemark/server'
import { customerName, Order, Product, Search, type SearchHit } from '../../domain/index.ts'
import { toTextQuery } from './search-words.ts'

const WORDS = `tsvector generated always as (to_tsvector('pg_catalog.english', text)) stored`

/**
 * A document for each order and product, and one for each line of an order. Words by full text; what is near to a
 * misspelt one by trigrams, where the database has the extension `pg_trgm` and lets us have it: `near` finds nothing
 * where it does not.
 */
export const SearchIndex = sqlProjection('search-index', {
  on: [Order, Product],
  tables: (schema) => [
    `create table ${schema}.documents (tenant text collate "C", stream text collate "C", kind text not null,
       title text not null default '', detail text not null default '', note text not null default '',
       text text generated always as (title || ' ' || detail || ' ' || note) stored, primary key (tenant, stream))`,
    // A generated column cannot be made of another one.
    `create index documents_words on ${schema}.documents using gin (to_tsvector('pg_catalog.english', text))`,
    `create table ${schema}.lines (tenant text collate "C", stream text collate "C", line text collate "C",
       text text not null, words ${WORDS}, primary key (tenant, stream, line))`,
    `create index lines_words on ${schema}.lines using gin (words)`,
    nearFunction(schema),
  ],
  apply: {
    'order.placed': (e, { schema, tenant }) => ({
      text: `insert into ${schema}.documents (tenant, stream, kind, title, detail, note) values ($1, $2, 'order', $3, $4, $5)
             on conflict (tenant, stream) do update
               set title = excluded.title, detail = excluded.detail, note = excluded.note`,
      values: [tenant, e.streamId, e.data.number, `${customerName(e.data.customer)} · ${e.data.country}`, e.data.note],
    }),
    'order.customerChanged': (e, { schema, tenant }) => ({
      text: `update ${schema}.documents set detail = $3 || substring(detail from ' · .*$') where tenant = $1 and stream = $2`,
      values: [tenant, e.streamId, customerName(e.data.customer)],
    }),
    'order.noteSet': (e, { schema, tenant }) => ({
      text: `update ${schema}.documents set note = $3 where tenant = $1 and stream = $2`,
      values: [tenant, e.streamId, e.data.note],
    }),
    'order.lineAdded': (e, { schema, tenant }) => ({
      text: `insert into ${schema}.lines (tenant, stream, line, text) values ($1, $2, $3, $4)
             on conflict (tenant, stream, line) do update set text = excluded.text`,
      values: [tenant, e.streamId, e.data.line, `${e.data.product} ${e.data.description}`],
    }),
    'order.lineRemoved': (e, { schema, tenant }) => ({
      text: `delete from ${schema}.lines where tenant = $1 and stream = $2 and line = $3`,
      values: [tenant, e.streamId, e.data.line],
    }),
    'product.registered': (e, { schema, tenant }) => product(schema, tenant, e.streamId, e.data.description),
    'product.received': (e, { schema, tenant }) => product(schema, tenant, e.streamId, ''),
  },
})

/** Goods may come in before their product is registered: then there is a code and no description yet. */
function product(schema: string, tenant: string, stream: string, description: string): SqlStatement {
  return {
    text: `insert into ${schema}.documents as d (tenant, stream, kind, title, detail) values ($1, $2, 'product', $3, $4)
           on conflict (tenant, stream) do update set detail = excluded.detail where excluded.detail <> ''`,
    values: [tenant, stream, stream.slice('product/'.length), description],
  }
}

/** `near(tenant, text, limit)`: documents with a word like those of the text, the most similar first. */
function nearFunction(schema: string): string {
  const create = (body: string): string =>
    `create function ${schema}.near(p_tenant text, p_text text, p_limit integer) returns setof ${schema}.documents
     language sql stable ${body}`
  return `do $do$
  declare
    v_schema text;
  begin
    if exists (select from pg_available_extensions where name = 'pg_trgm') then
      begin
        create extension if not exists pg_trgm with schema public;
      exception when insufficient_privilege then null;
      end;
    end if;
    select quote_ident(n.nspname) into v_schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
    if v_schema is null then
      execute $near$${create(`as $$select * from ${schema}.documents where false$$`)}$near$;
    else
      perform set_config('search_path', v_schema || ', pg_catalog', true);
      execute 'create index documents_near on ${schema}.documents using gin (text gin_trgm_ops)';
      execute $near$${create(`as $$
        select * from ${schema}.documents d where d.tenant = p_tenant and p_text <% d.text
         order by p_text <<-> d.text, d.stream limit p_limit$$`)}$near$;
      -- Two letters that changed places in a word of seven are 0.5 alike.
      execute format('alter function ${schema}.near set search_path = %s, pg_catalog', v_schema);
      execute 'alter function ${schema}.near set pg_trgm.word_similarity_threshold = 0.45';
    end if;
  end $do$`
}

const MOST = 50
/** With fewer hits than this, what is near is looked for too. */
const FEW = 5

export const search: QueryHandler = answerQuery(Search, {
  from: SearchIndex,
  read: async ({ text }, { tenant, schema, sql }) => {
    const query = toTextQuery(text)
    if (query === '') return { hits: [], more: false }
    const exact = await sql<SearchHit>(
      `with q as materialized (select to_tsquery('pg_catalog.english', $2) as query),
       of_documents as (
         select d.kind, d.stream, d.title, d.detail, '' as line,
                1 + ts_rank(to_tsvector('pg_catalog.english', d.text), q.query) as rank
           from ${schema}.documents d cross join q
          where d.tenant = $1 and to_tsvector('pg_catalog.english', d.text) @@ q.query
       ), of_lines as (
         select distinct on (l.stream) l.stream, l.text as line, ts_rank(l.words, q.query) as rank
           from ${schema}.lines l cross join q where l.tenant = $1 and l.words @@ q.query
          order by l.stream, ts_rank(l.words, q.query) desc, l.line
       )
       select kind, stream, title, detail, line from (
         select kind, stream, title, detail, line, rank from of_documents
         union all
         select 'order', d.stream, d.title, d.detail, l.line, l.rank
           from of_lines l join ${schema}.documents d on d.tenant = $1 and d.stream = l.stream
          where not exists (select from of_documents o where o.stream = l.stream)) as hits
        order by rank desc, title, stream limit $3`,
      [tenant, query, MOST + 1],
    )
    const hits = exact.slice(0, MOST).map((hit) => ({ ...hit }))
    if (hits.length < FEW) {
      const known = new Set(hits.map((hit) => hit.stream))
      const near = await sql<SearchHit>(
        `select kind, stream, title, detail, '' as line from ${schema}.near($1, $2, $3::integer)`,
        [tenant, text, MOST],
      )
      hits.push(...near.filter((hit) => !known.has(hit.stream)).map((hit) => ({ ...hit })))
    }
    return { hits: hits.slice(0, MOST), more: exact.length > MOST }
  },
})
