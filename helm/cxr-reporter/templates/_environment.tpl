{{/* The environment of our processes: every CXR_ name is one of docs/reference/settings.md. */}}

{{/* Postgres. libpq reads PGPASSWORD, so that a password needs no escaping for a URL, and KEDA takes the same Secret. */}}
{{- define "cxr.databaseEnv" -}}
{{- $postgres := .Values.postgres -}}
{{- $parameters := dict -}}
{{- if $postgres.external.enabled -}}
{{- $parameters = merge (dict "sslmode" $postgres.external.sslMode) $postgres.external.parameters -}}
{{- end -}}
{{- $query := list -}}
{{- range $name, $value := $parameters -}}
{{- $query = append $query (printf "%s=%s" $name (urlquery $value | replace "+" "%20")) -}}
{{- end -}}
- name: CXR_DATABASE_URL
  value: {{ printf "postgresql+psycopg2://%s@%s:%s/%s%s%s" (urlquery $postgres.username | replace "+" "%20") (include "cxr.postgresHost" .) (include "cxr.postgresPort" .) $postgres.database (ternary "?" "" (gt (len $query) 0)) (join "&" $query) | quote }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "cxr.postgresSecret" . }}
      key: {{ $postgres.passwordKey }}
{{- end }}

{{/* Valkey. Kubernetes puts the password in place of $(VALKEY_PASSWORD). */}}
{{- define "cxr.queueEnv" -}}
{{- $valkey := .Values.valkey -}}
{{- $auth := or $valkey.bundled.enabled $valkey.external.auth -}}
{{- if $auth }}
- name: VALKEY_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "cxr.valkeySecret" . }}
      key: {{ $valkey.passwordKey }}
{{- end }}
- name: CXR_QUEUE_URL
  {{- if $valkey.bundled.enabled }}
  value: {{ printf "redis://:$(VALKEY_PASSWORD)@%s:6379/0" (include "cxr.valkeyHost" .) | quote }}
  {{- else }}
  {{- with $valkey.external }}
  value: {{ printf "%s://%s%s:%v/%v" (ternary "rediss" "redis" .tls) (ternary (printf "%s:$(VALKEY_PASSWORD)@" .username) "" .auth) .host .port .database | quote }}
  {{- end }}
  {{- end }}
- name: CXR_QUEUE_LEASE
  value: {{ .Values.lease.seconds | quote }}
- name: CXR_QUEUE_HEARTBEAT
  value: {{ .Values.lease.heartbeatSeconds | quote }}
{{- end }}

{{/* The object store. Without the two keys boto3 finds the pod's own role. */}}
{{- define "cxr.storageEnv" -}}
{{- $s3 := .Values.s3 -}}
{{- if $s3.bundled.enabled }}
- name: CXR_STORAGE_ENDPOINT
  value: {{ printf "http://%s-seaweedfs:8333" (include "cxr.fullname" .) | quote }}
{{- else if $s3.external.endpoint }}
- name: CXR_STORAGE_ENDPOINT
  value: {{ $s3.external.endpoint | quote }}
{{- end }}
- name: CXR_STORAGE_REGION
  value: {{ $s3.region | quote }}
- name: CXR_STORAGE_BUCKET
  value: {{ $s3.bucket | quote }}
{{- if not $s3.external.workloadIdentity }}
- name: CXR_STORAGE_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "cxr.s3Secret" . }}
      key: {{ $s3.accessKeyKey }}
- name: CXR_STORAGE_SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "cxr.s3Secret" . }}
      key: {{ $s3.secretKeyKey }}
{{- end }}
{{- end }}

{{/* Logs, and what holds for every process. Called with (list $ metricsPort). */}}
{{- define "cxr.commonEnv" -}}
{{- $root := index . 0 -}}
- name: CXR_TELEMETRY_LOG_LEVEL
  value: {{ $root.Values.telemetry.logLevel | quote }}
{{- with index . 1 }}
- name: CXR_TELEMETRY_METRICS_PORT
  value: {{ . | quote }}
{{- end }}
# A model's threads that wait sleep: spinning ones hold up their neighbours on the node.
- name: OMP_WAIT_POLICY
  value: PASSIVE
# The root file system is read-only and the user may have no home.
- name: HOME
  value: /tmp
{{- include "cxr.settingsEnv" $root.Values.settings }}
{{- with $root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A map of settings as variables. Helm reads every number as a float, and would write 1000000 as 1e+06. */}}
{{- define "cxr.settingsEnv" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  {{- if and (kindIs "float64" $value) (eq (floor $value) $value) }}
  value: {{ int64 $value | quote }}
  {{- else }}
  value: {{ $value | toString | quote }}
  {{- end }}
{{- end }}
{{- end }}
